import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { startAngelia } from '../../../../src/agents/angelia/agent.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import type { CommandResult, RunCommand } from '../../../../src/core/ports.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { angeliaConfig } from '../../../support/agents/angelia/angelia.ts';
import { until } from '../../../support/until.ts';
import { isProblem } from '../../../support/thrown.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const delivered: CommandResult = { code: 0, signal: null, stdout: '', stderr: '', truncated: false };
/** No second try comes by itself while a test runs, however slow the machine is. */
const retry = { first: 900 };
const config = { commands: { note: { argv: ['/bin/note', '-x'] } }, max_queued: 2, retry };

/** angelia on a node where no program runs: `results` has what the next ones return, the last one for all after it. */
async function angelia(
  results: (Partial<CommandResult> | Promise<Partial<CommandResult>>)[] = [{}],
  directory = temporaryDirectory(),
  more: object = {},
) {
  const asked: { argv: readonly string[]; message: JsonObject; timeout: number }[] = [];
  const run: RunCommand = async (argv, { stdin = '', timeout }) => {
    asked.push({ argv, message: JSON.parse(stdin), timeout });
    return { ...delivered, ...(await (results.length > 1 ? results.shift() : results[0])) };
  };
  const setup = agentSetup(angeliaConfig({ ...config, ...more }), { stateDirectory: directory, run });
  const agent = await startAngelia(setup);
  const stop = async () => agent.stop?.();
  ends.push(stop);
  const call = (action: string, input: JsonObject, context: Partial<ActionContext> = {}) =>
    (agent.handlers[action] as unknown as (i: JsonObject, c: ActionContext) => Promise<JsonObject>)(
      input,
      actionContext(context),
    );
  const send = (requestId: string, input: JsonObject = {}, context: Partial<ActionContext> = {}) => {
    const message = { recipient: 'exec:note', subject: 's', message: 'm', priority: 'normal', ...input };
    return call('sendmsg', message, { requestId, ...context });
  };
  return { asked, call, directory, send, stop, status: () => call('status', {}) };
}

const fails = { code: 1, stderr: 'no line\nmore' };

describe('a message', () => {
  test('is passed to the program as JSON, once for each id', async () => {
    const { asked, send, status } = await angelia();
    assert.deepEqual(await send('a1'), { id: 'a1', delivered: true, queued: false });
    assert.deepEqual(await send('a1'), { id: 'a1', delivered: true, queued: false }, 'a request that came again');
    assert.equal(asked.length, 1);
    const { id, subject, message, recipient, caller, node, address } = asked[0]?.message ?? {};
    assert.deepEqual(
      [id, subject, message, recipient, caller, node, address],
      ['a1', 's', 'm', 'exec:note', 'cert=rip@devco.net', 'dev2.devco.net', 'note'],
    );
    assert.deepEqual([asked[0]?.argv, asked[0]?.timeout], [['/bin/note', '-x'], 10_000]);
    assert.deepEqual(await status(), { queued: 0, delivered: 1, dead: 0, oldest: 0 });
  });

  test('is not another one under the same id', async () => {
    const { send, asked } = await angelia([{}, fails]);
    await send('a1');
    await send('a2');
    for (const id of ['a1', 'a2']) {
      for (const change of [{ message: 'x' }, { subject: 'x' }]) {
        await assert.rejects(send(id, change), isProblem('id-reused', new RegExp(`the id ${id} belongs`)));
      }
    }
    assert.equal(asked.length, 2);
  });

  test('is kept for another try if the program fails, with the reason', async () => {
    const { asked, call, send, status } = await angelia([fails]);
    const said: string[] = [];
    const progress = (text: string) => void said.push(text);
    assert.deepEqual(await send('a1', {}, { progress }), { id: 'a1', delivered: false, queued: true });
    assert.deepEqual(said, ['kept for another try: /bin/note failed (exit code 1): no line']);
    assert.deepEqual(await send('a1'), { id: 'a1', delivered: false, queued: true }, 'the same one again');
    assert.equal(asked.length, 1);
    assert.equal((await status())['queued'], 1);
    const { queued, dead } = (await call('queue', {})) as Record<string, JsonObject[]>;
    assert.deepEqual(dead, []);
    const [one] = queued ?? [];
    assert.deepEqual(
      [one?.['id'], one?.['recipient'], one?.['subject'], one?.['attempts'], one?.['reason']],
      ['a1', 'exec:note', 's', 1, '/bin/note failed (exit code 1): no line'],
    );
    assert.ok(Number(one?.['next']) > 0);
  });

  test('is a dead letter if another try would fail, too, and can be tried again by hand', async () => {
    const { asked, call, directory, send, status } = await angelia([{ code: 67 }, {}]);
    await assert.rejects(
      send('a1'),
      isProblem('undeliverable', /cannot be delivered: \/bin\/note failed \(exit code 67\)/),
    );
    await assert.rejects(send('a1'), isProblem('undeliverable'), 'the same one again');
    assert.deepEqual(await status(), { queued: 0, delivered: 0, dead: 1, oldest: 0 });
    const { dead } = (await call('queue', {})) as Record<string, JsonObject[]>;
    assert.deepEqual([dead?.[0]?.['id'], dead?.[0]?.['reason']], ['a1', '/bin/note failed (exit code 67)']);
    assert.deepEqual(await call('retry', { id: 'a1' }, { dryRun: true }), { retried: ['a1'] });
    assert.deepEqual([asked.length, (await status())['dead']], [1, 1], 'a dry run changes nothing');
    assert.deepEqual(await call('retry', { id: 'a1' }), { retried: ['a1'] });
    assert.deepEqual(await send('a1'), { id: 'a1', delivered: false, queued: true }, 'the try runs');
    await until('the message is delivered', async () => (await status())['delivered'] === 1);
    assert.deepEqual([asked.length, readdirSync(join(directory, 'spool/dead'))], [2, []]);
  });

  test('that waits is tried at once by hand, and one that is delivered or unknown is not', async () => {
    const { asked, call, send, status } = await angelia([fails, fails, {}]);
    await send('a1');
    await send('a2');
    assert.deepEqual(await call('retry', {}, { dryRun: true }), { retried: ['a1', 'a2'] });
    assert.equal(asked.length, 2);
    assert.deepEqual(await call('retry', {}), { retried: ['a1', 'a2'] });
    await until('both are delivered', async () => (await status())['delivered'] === 2);
    await assert.rejects(call('retry', { id: 'a1' }), isProblem('already-delivered', /a1/));
    await assert.rejects(call('retry', { id: 'zz' }), isProblem('unknown-message', /zz/));
  });

  test('is refused before it is stored: a bad id, an unknown recipient, a full queue', async () => {
    const { asked, directory, send } = await angelia([fails]);
    await assert.rejects(send('a/b'), isProblem('bad-id'));
    for (const recipient of ['exec:other', 'exec:constructor', 'webhook:toString', '__proto__:x']) {
      await assert.rejects(send('a0', { recipient }), isProblem('unknown-recipient'), recipient);
    }
    await send('a1');
    await send('a2');
    await assert.rejects(send('a3'), isProblem('queue-full', /2 messages wait already/));
    assert.equal(asked.length, 2);
    assert.deepEqual(readdirSync(join(directory, 'spool/queue')).sort(), ['a1.json', 'a2.json']);
  });

  test('is accepted while another caller has as many as it can, waiting or held', async () => {
    const { send } = await angelia([fails], temporaryDirectory(), { max_queued: 4 });
    const eve = { caller: 'cert=eve@devco.net' };
    for (const id of ['e1', 'e2', 'e3']) await send(id, {}, eve);
    await assert.rejects(
      send('e4', {}, eve),
      isProblem('queue-full', /3 messages of cert=eve@devco\.net wait already/),
    );
    await send('a1');
    const hold = (digit: string, context: Partial<ActionContext> = {}) =>
      send(`h${digit}`, { hold: 30 }, { runId: digit.repeat(32), ...context });
    for (const digit of ['1', '2', '3']) await hold(digit, eve);
    await assert.rejects(hold('4', eve), isProblem('queue-full', /are held already/));
    assert.equal((await hold('4'))['held'], true);
  });

  test('is refused if it cannot be stored, and not sent', async () => {
    const { asked, directory, send, status } = await angelia();
    rmSync(join(directory, 'spool/queue'), { recursive: true });
    writeFileSync(join(directory, 'spool/queue'), '');
    await assert.rejects(send('a1'), isProblem('spool-unwritable', /cannot be kept/));
    assert.deepEqual([asked.length, (await status())['queued']], [0, 0]);
  });

  test('is neither sent nor stored by a dry run', async () => {
    const { asked, directory, send } = await angelia();
    const dry = { dryRun: true };
    assert.deepEqual(await send('a1', {}, dry), { id: 'a1', delivered: false, queued: false });
    assert.deepEqual(await send('a2', { hold: 60 }, { ...dry, runId: 'a'.repeat(32) }), {
      id: 'a2',
      delivered: false,
      queued: false,
    });
    assert.deepEqual(
      [asked.length, readdirSync(join(directory, 'spool/queue')), readdirSync(join(directory, 'held'))],
      [0, [], []],
    );
    await send('a1');
    assert.equal((await send('a1', {}, dry))['delivered'], true, 'one that was delivered');
  });

  test('waits for no more than its call does', async () => {
    const never = Promise.withResolvers<Partial<CommandResult>>();
    const { send, status } = await angelia([never.promise]);
    const stop = new AbortController();
    const sent = send('a1', {}, { signal: stop.signal });
    stop.abort();
    assert.deepEqual(await sent, { id: 'a1', delivered: false, queued: true });
    assert.deepEqual([(await status())['queued'], (await status())['oldest']], [1, 0]);
    never.resolve({});
  });

  test('is tried after a restart', async () => {
    const first = await angelia([fails]);
    await first.send('a1');
    await first.stop();
    const queue = join(first.directory, 'spool/queue/a1.json');
    writeFileSync(queue, JSON.stringify({ ...JSON.parse(readFileSync(queue, 'utf8')), nextAt: 0 }));
    const second = await angelia([{}], first.directory);
    await until('it is delivered', async () => (await second.status())['delivered'] === 1);
    assert.equal(second.asked[0]?.message['id'], 'a1');
  });
});

describe('a message for a recipient that is no longer configured', () => {
  test('waits: the configuration may change back', async () => {
    const first = await angelia([fails]);
    await first.send('a1');
    await first.stop();
    const second = await angelia([{}], first.directory, { commands: {} });
    assert.deepEqual(await second.call('retry', { id: 'a1' }), { retried: ['a1'] });
    const reason = async () =>
      ((await second.call('queue', {})) as Record<string, JsonObject[]>)['queued']?.[0]?.['reason'];
    await until('the try has failed', async () => /there is no command “note”/.test(String(await reason())));
    assert.deepEqual([second.asked.length, (await second.status())['queued']], [0, 1]);
  });
});

describe('a message that is held for a run', () => {
  const runId = 'b'.repeat(32);

  test('is kept and withdrawn, and sent by neither', async () => {
    const { asked, directory, send } = await angelia();
    assert.deepEqual(await send('a1', { hold: 60 }, { runId }), {
      id: 'a1',
      delivered: false,
      queued: false,
      held: true,
    });
    assert.deepEqual(await send('a2', { hold: 60 }, { runId }), {
      id: 'a1',
      delivered: false,
      queued: false,
      held: true,
    });
    assert.deepEqual(readdirSync(join(directory, 'held')), [`${runId}.json`]);
    assert.deepEqual(await send('a3', { hold: 0 }, { runId }), {
      id: 'a3',
      delivered: false,
      queued: false,
      held: false,
    });
    assert.deepEqual([readdirSync(join(directory, 'held')), asked.length], [[], 0]);
  });

  test('is not withdrawn by a dry run', async () => {
    const { directory, send } = await angelia();
    await send('a1', { hold: 60 }, { runId });
    await send('a2', { hold: 0 }, { runId, dryRun: true });
    assert.deepEqual(readdirSync(join(directory, 'held')), [`${runId}.json`]);
    await send('a3', { hold: 0 }, { runId });
  });

  test('is sent once, though a crash left it held', async () => {
    const first = await angelia([fails]);
    await first.send('a1', { hold: 0.02 }, { runId });
    const held = readFileSync(join(first.directory, 'held', `${runId}.json`), 'utf8');
    const isTried = async () => JSON.stringify(await first.call('queue', {})).includes('"attempts":1');
    await until('it waits for another try', isTried);
    await until('nothing is held', async () => readdirSync(join(first.directory, 'held')).length === 0);
    await first.stop();
    writeFileSync(join(first.directory, 'held', `${runId}.json`), held);
    const second = await angelia([{}], first.directory);
    await until('it is delivered', async () => (await second.status())['delivered'] === 1);
    await until('nothing is held', async () => readdirSync(join(first.directory, 'held')).length === 0);
    assert.deepEqual([second.asked.length, (await second.status())['queued']], [1, 0]);
    await second.stop();
    writeFileSync(join(first.directory, 'held', `${runId}.json`), held);
    const third = await angelia([{}], first.directory);
    await until('nothing is held again', async () => readdirSync(join(first.directory, 'held')).length === 0);
    assert.deepEqual([third.asked.length, await third.status()], [0, { queued: 0, delivered: 1, dead: 0, oldest: 0 }]);
  });

  test('is delivered when its run is not heard of in time', async () => {
    const { asked, send } = await angelia();
    await send('a1', { hold: 0.01 }, { runId });
    await until('it is sent', async () => asked.length === 1);
    assert.equal(asked[0]?.message['id'], 'a1');
  });
});

describe('the configuration of angelia', () => {
  const start = (more: object) => angelia([{}], temporaryDirectory(), more);
  const smtp = { host: 'mail', from: 'a@devco.net' };

  test('sends a password only over TLS that is verified', async () => {
    const password = { user: 'u', password_file: '/p' };
    for (const tls of ['none', 'opportunistic']) {
      await assert.rejects(
        start({ smtp: { ...smtp, ...password, tls } }),
        isProblem('bad-smtp-configuration', /a password needs “tls: required” or “tls: implicit”/),
      );
    }
    for (const half of [{ user: 'u' }, { password_file: '/p' }]) {
      await assert.rejects(
        start({ smtp: { ...smtp, ...half, tls: 'required' } }),
        isProblem('bad-smtp-configuration', /requires/),
      );
    }
    for (const tls of ['required', 'implicit']) await start({ smtp: { ...smtp, ...password, tls } });
    await start({ smtp: { ...smtp, tls: 'none' } });
  });

  test('has fields of its own only for the formats that take them', async () => {
    const url = 'https://hooks.devco.net/x';
    for (const part of ['webhooks', 'push']) {
      const fields = { text: 'x' };
      await assert.rejects(
        start({ [part]: { ops: { url, fields, format: 'slack' } } }),
        isProblem('bad-endpoint', /angelia’s ops: .*“format: slack”/),
      );
      for (const format of [{}, { format: 'json' }, { format: 'form' }]) {
        await start({ [part]: { ops: { url, fields, ...format } } });
      }
      await start({ [part]: { ops: { url, format: 'slack' } } });
    }
    await start({ webhooks: { plain: url } });
  });
});
