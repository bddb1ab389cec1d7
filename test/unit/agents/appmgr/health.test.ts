import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, beforeEach, describe, mock, test } from 'node:test';
import type { ApplicationConfig } from '../../../../src/agents/appmgr/config.ts';
import { defineHealth, type HealthCheck } from '../../../../src/agents/appmgr/health/health.ts';
import type { CommandOptions, CommandResult } from '../../../../src/core/ports.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';

interface Answer {
  readonly status?: number;
  readonly body?: string;
  readonly type?: string;
}
const received: IncomingHttpHeaders[] = [];
let answers: readonly Answer[] = [{}];
const server = createServer((request, response) => {
  received.push(request.headers);
  const { status = 200, body = '', type = 'text/plain' } = answers[Math.min(received.length, answers.length) - 1] ?? {};
  response.writeHead(status, { 'content-type': type }).end(body);
});
let address = '';
before(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  received.length = 0;
  answers = [{}];
});
afterEach(() => mock.restoreAll());
after(() => server.close());

const { signal } = new AbortController();
const ran: { argv: readonly string[]; options: CommandOptions }[] = [];

/** The check of an application, of which commands give this result. */
function define(check: Partial<HealthCheck>, result: Partial<CommandResult> = {}) {
  const health = { timeout: 60, steady: 0, ...check } as HealthCheck;
  const run = async (argv: readonly string[], options: CommandOptions) => {
    ran.push({ argv, options });
    return { code: 0, signal: null, stdout: '', stderr: '', truncated: false, ...result };
  };
  const asker = defineHealth({ name: 'shop', health } as ApplicationConfig, run);
  assert.ok(asker !== undefined);
  return asker;
}
const ask = async (check: Partial<HealthCheck>, result?: Partial<CommandResult>) => {
  const { healthy, words } = await define(check, result).ask('20', 60_000, signal);
  return `${healthy}: ${words}`;
};

describe('the health of an application', () => {
  test('is not checked if nothing is configured', () => {
    assert.equal(
      defineHealth({ name: 'shop' } as ApplicationConfig, () => assert.fail('nothing runs')),
      undefined,
    );
  });

  test('is the status of a URL: any of 200 to 299, or the one that is expected', async () => {
    const url = `http://${address}/health`;
    const statusOf = async (status: number, check: object = {}) => {
      received.length = 0;
      answers = [{ status }];
      return await ask({ url, ...check });
    };
    assert.deepEqual([await statusOf(200), await statusOf(299)], ['true: status 200', 'true: status 299']);
    assert.deepEqual([await statusOf(199 + 101), await statusOf(500)], ['false: status 300', 'false: status 500']);
    assert.equal(await statusOf(401, { status: 401 }), 'true: status 401');
    assert.equal(await statusOf(200, { status: 401 }), 'false: status 200');
  });

  test('has the first line of a bad answer, unless it is a page for a browser', async () => {
    const url = `http://${address}/`;
    const of = async (answer: Answer) => {
      received.length = 0;
      answers = [{ status: 503, ...answer }];
      return await ask({ url });
    };
    assert.equal(await of({ body: '\n database is down\u001b[2J\nmore' }), 'false: status 503: “database is down [2J”');
    assert.equal(await of({ body: 'down', type: 'text/html' }), 'false: status 503');
    assert.equal(await of({ body: ' <html>' }), 'false: status 503');
  });

  test('needs the text that is expected in the answer, with the revision in it', async () => {
    const url = `http://${address}/`;
    answers = [{ body: 'release 20 ok' }, { body: 'release 10 ok' }, { body: '' }];
    const check = { url, body: 'release {revision}' };
    assert.equal(await ask(check), 'true: status 200');
    assert.equal(await ask(check), 'false: status 200 without “release 20”: “release 10 ok”');
    assert.equal(await ask(check), 'false: status 200 without “release 20”');
    received.length = 0;
    answers = [{ body: 'release $& ok' }];
    assert.equal((await define({ url, body: 'release {revision}' }).ask('$&', 60_000, signal)).healthy, true);
  });

  test('is asked of the virtual host, with the headers of the configuration', async () => {
    await ask({ url: `http://${address}/`, host: 'shop.example', headers: { 'x-token': 't', 'user-agent': 'mine' } });
    await ask({ url: `http://${address}/` });
    const [first, second] = received;
    assert.deepEqual([first?.host, first?.['x-token'], first?.['user-agent']], ['shop.example', 't', 'mine']);
    assert.deepEqual([second?.host, second?.['user-agent']], [address, 'mco-deploy']);
  });

  test('is read from the first 4096 bytes of an answer', async () => {
    answers = [{ body: `${'x'.repeat(4090)}inside` }, { body: `${'x'.repeat(4091)}inside` }];
    const check = { url: `http://${address}/`, body: 'inside' };
    assert.equal(await ask(check), 'true: status 200');
    assert.match(await ask(check), /^false: status 200 without “inside”/);
  });

  test('is bad if nothing listens, or there is no answer in time', async () => {
    assert.match(await ask({ url: 'http://127.0.0.1:1/' }), /^false: no answer: connection refused$/);
    const silent = createServer(() => {});
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    const { healthy, words } = await define({ url }).ask('20', 20, signal);
    silent.closeAllConnections();
    silent.close();
    assert.deepEqual([healthy, words], [false, 'no answer in time']);
  });

  test('is good if the answer comes after this program was stopped for longer than it may take', async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const slow = createServer((_request, response) => asked.resolve(response));
    await once(slow.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`;
    using delays = mockDelays();
    const health = define({ url }).ask('20', 3000, signal);
    const response = await asked.promise;
    await delays.stop(60_000);
    response.end('well');
    assert.deepEqual(await health, { healthy: true, words: 'status 200' });
    slow.close();
  });

  test('is that a port accepts connections', async () => {
    assert.equal(await ask({ tcp: address }), 'true: it accepts connections');
    assert.equal(await ask({ tcp: '127.0.0.1:1' }), 'false: no connection: connection refused');
    assert.equal(await ask({ tcp: '[::ffff:127.0.0.1]:1' }), 'false: no connection: connection refused');
  });

  test('is the exit code of a command, which is given the revision', async () => {
    ran.length = 0;
    const command = ['check', '--rev={revision}{revision}'];
    assert.equal(await ask({ command }, { stdout: '\n all good \n' }), 'true: all good');
    assert.equal(await ask({ command }), 'true: exit code 0');
    assert.match(await ask({ command }, { code: 2, stderr: 'database is down\n' }), /^false: .*database is down/);
    const [one] = ran;
    assert.deepEqual([one?.argv, one?.options.timeout, one?.options.signal], [['check', '--rev=2020'], 60_000, signal]);
    const { PATH: _, ...environment } = one?.options.env ?? {};
    assert.deepEqual(environment, { MCO_APPLICATION: 'shop', MCO_REVISION: '20', MCO_PREVIOUS: '' });
  });

  test('is named in messages by what is asked', () => {
    assert.equal(define({ url: 'http://x/' }).what, 'http://x/');
    assert.equal(define({ tcp: '127.0.0.1:80' }).what, '127.0.0.1:80');
    const command = ['a', 'x'.repeat(300)];
    assert.deepEqual([define({ command }).what.length, define({ timeout: 7 }).timeout], [200, 7]);
  });
});

describe('the wait for a healthy application', () => {
  /** Waits for a command that ends with these codes, time by time; the last one stays. */
  async function wait(codes: readonly number[], check: Partial<HealthCheck> = {}, until = signal) {
    let looks = 0;
    const health = { timeout: 60, steady: 0, command: ['check'], ...check } as unknown as HealthCheck;
    const run = async () => {
      const code = codes[Math.min(looks++, codes.length - 1)] ?? 0;
      return { code, signal: null, stdout: '', stderr: '', truncated: false };
    };
    const { healthy } = await (defineHealth({ name: 'shop', health } as ApplicationConfig, run)?.wait('20', until) ??
      assert.fail('there is a check'));
    return { healthy, looks };
  }

  test('ends with the first good answer, after bad ones', async () => {
    assert.deepEqual(await wait([1, 1, 0]), { healthy: true, looks: 3 });
  });

  test('begins again when a good answer is followed by a bad one', async () => {
    const { healthy, looks } = await wait([0, 1, 0], { steady: 0.01 });
    // Good, bad, and then good for as long as it must be steady: more than one look.
    assert.deepEqual([healthy, looks >= 4], [true, true], `${looks} looks`);
  });

  test('ends with the last bad answer when the time is over', async () => {
    const { healthy, looks } = await wait([1], { timeout: 0.15 });
    assert.deepEqual([healthy, looks >= 1], [false, true]);
  });

  test('ends at once when the call is cancelled', async () => {
    assert.deepEqual(await wait([1], {}, AbortSignal.abort()), { healthy: false, looks: 1 });
  });

  /** Waits for 3 s with a clock that stands still, in a program that is stopped for a minute in each of these looks. */
  async function stoppedIn(looks: readonly number[], codes: readonly number[]) {
    let clock = 1000;
    mock.method(performance, 'now', () => clock);
    let look = 0;
    const run = async () => {
      if (looks.includes(look)) clock += 60_000;
      const code = codes[Math.min(look++, codes.length - 1)] ?? 0;
      return { code, signal: null, stdout: '', stderr: '', truncated: false };
    };
    const health = { timeout: 3, steady: 0, command: ['check'] } as unknown as HealthCheck;
    const waiting = defineHealth({ name: 'shop', health } as ApplicationConfig, run)?.wait('20', signal);
    return { waiting, stop: () => (clock += 60_000), looks: () => look };
  }

  test('has time left if this program was stopped meanwhile, in a look or between two', async () => {
    const inLook = await stoppedIn([0], [1, 0]);
    assert.equal((await inLook.waiting)?.healthy, true);
    mock.restoreAll();
    using delays = mockDelays();
    const between = await stoppedIn([], [1, 1, 0]);
    await someTurns();
    assert.equal(between.looks(), 1);
    between.stop();
    await delays.stop(60_000);
    await delays.pass(100);
    assert.equal((await between.waiting)?.healthy, true);
  });

  test('ends even if this program is stopped again and again', async () => {
    const { waiting, looks } = await stoppedIn([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1]);
    assert.equal((await waiting)?.healthy, false);
    assert.equal(looks(), 5);
  });
});
