import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { backoff } from '../../../../../src/agents/angelia/channels/backoff.ts';
import { execute } from '../../../../../src/agents/angelia/channels/execute.ts';
import { DeliveryFailure } from '../../../../../src/agents/angelia/channels/failure.ts';
import type { BodyValues } from '../../../../../src/agents/angelia/channels/format.ts';
import { post } from '../../../../../src/agents/angelia/channels/post.ts';
import type { EndpointConfig } from '../../../../../src/agents/angelia/config.ts';
import { readSecret } from '../../../../../src/agents/angelia/secret.ts';
import type { CommandResult } from '../../../../../src/core/ports.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

const values: BodyValues = {
  ...{ id: 'a1', subject: 's', message: 'm', recipient: 'webhook:ops', address: 'ops', priority: 'normal' },
  ...{ node: 'dev2.devco.net', caller: 'cert=rip', time: '2026-01-01T00:00:00.000Z' },
};
const { signal } = new AbortController();
const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

type Received = IncomingMessage & { body: string };

async function receiver(answer: (response: ServerResponse, request: Received) => void) {
  const requests: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const received = Object.assign(request, { body: Buffer.concat(chunks).toString() });
    requests.push(received);
    answer(response, received);
  });
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { requests, url, send: (more: Partial<EndpointConfig> = {}) => post({ url, ...more }, values, signal) };
}

const failure =
  (message: RegExp, permanent: boolean, wait = 0) =>
  (error: unknown) => {
    assert.ok(error instanceof DeliveryFailure, String(error));
    assert.match(error.message, message);
    assert.deepEqual([error.permanent, error.wait], [permanent, wait]);
    return true;
  };

function secretFile(text: string): string {
  const file = join(temporaryDirectory(), 'secret');
  writeFileSync(file, text);
  return file;
}

describe('a message that is posted', () => {
  test('has its id, its token and a signature in the headers', async () => {
    const { requests, send } = await receiver((response) => response.writeHead(204).end());
    const files = { token_file: secretFile('tok\n'), secret_file: secretFile('key') };
    await send({ ...files, headers: { 'x-more': 'yes' } });
    const [{ method, url, headers, body } = {} as Received] = requests;
    assert.deepEqual([method, url, JSON.parse(body ?? '').message], ['POST', '/hook', 'm']);
    assert.deepEqual(
      ['idempotency-key', 'authorization', 'x-more', 'user-agent', 'content-length'].map((name) => headers?.[name]),
      ['a1', 'Bearer tok', 'yes', 'mco-deploy', String(Buffer.byteLength(body ?? ''))],
    );
    const mac = createHmac('sha256', 'key')
      .update(body ?? '')
      .digest('hex');
    assert.equal(headers?.['x-mco-signature'], `sha256=${mac}`);
    await send();
    assert.deepEqual(
      [requests[1]?.headers['authorization'], requests[1]?.headers['x-mco-signature']],
      [undefined, undefined],
    );
    await send({ format: 'pushover', token_file: secretFile('app') }).catch(() => {});
    assert.equal(requests[2]?.headers['authorization'], undefined, 'in the body instead');
  });

  test('is accepted by any status from 200 to 299, and refused for good by most from 300 to 499', async () => {
    let status = 0;
    const { send } = await receiver((response) => response.writeHead(status).end());
    for (status of [200, 299]) await send();
    for (status of [300, 302, 400, 404, 499]) {
      await assert.rejects(send(), failure(new RegExp(`the receiver answered with status ${status}$`), true));
    }
    for (status of [408, 425, 429, 500, 503]) await assert.rejects(send(), failure(/status/, false));
  });

  test('waits as long as the receiver asks, and at most an hour', async () => {
    let after = '';
    const { send } = await receiver((response) => response.writeHead(429, { 'retry-after': after }).end());
    for (const [asked, wait] of [
      ['30', 30_000],
      ['3601', 3_600_000],
      ['soon', 0],
      ['Thu, 01 Jan 2026 00:00:00 GMT', 0],
    ] as const) {
      after = asked;
      await assert.rejects(send(), failure(/429/, false, wait));
    }
  });

  test('is judged by the answer of the services that say more than their status', async () => {
    let body = '';
    const { send } = await receiver((response) => response.writeHead(200).end(body));
    const good: [NonNullable<EndpointConfig['format']>, string][] = [
      ['slack', 'ok'],
      ['slack', '{"ok": true}'],
      ['mattermost', ' ok\n'],
      ['teams', '1'],
      ['teams', '{"id": 1}'],
      ['ntfy', '{"id": "x"}'],
      ['pushover', '{"status": 1}'],
      ['json', 'anything'],
    ];
    for (const [format, text] of good) {
      body = text;
      await send({ format, token_file: secretFile('t') });
    }
    const bad: [NonNullable<EndpointConfig['format']>, string, boolean][] = [
      ['slack', 'invalid_token', true],
      ['slack', '{"ok": false}', false],
      ['mattermost', 'no', false],
      ['teams', '{"error": "x"}', false],
      ['teams', 'failed: HTTP error 429', false],
      ['teams', 'failed: HTTP error 404', true],
      ['ntfy', '{"id": 1}', false],
      ['pushover', '{"status": 0}', false],
    ];
    for (const [format, text, permanent] of bad) {
      body = text;
      await assert.rejects(send({ format, token_file: secretFile('t') }), failure(/status 200: “/, permanent));
    }
  });

  test('does not wait for a body that does not matter, and reads 4 KiB of one that does', async () => {
    const { send } = await receiver((response, { headers }) => {
      response.writeHead(200).write(headers['x-long'] === undefined ? 'ok' : 'x'.repeat(5000));
    });
    await send();
    await assert.rejects(send({ format: 'slack', headers: { 'x-long': '1' } }), (error: Error) =>
      /“x{200}”$/.test(error.message),
    );
  });

  test('fails for now if nobody answers', async () => {
    const { send, url } = await receiver((response) => response.destroy());
    await assert.rejects(send(), failure(new RegExp(`^no answer from ${new URL(url).host}: `), false));
    const over = post({ url }, values, AbortSignal.abort());
    await assert.rejects(over, failure(/: no answer in time$/, false));
    await assert.rejects(send({ ca_file: '/nowhere/ca' }), failure(/\/nowhere\/ca cannot be read/, false));
  });
});

describe('a secret in a file', () => {
  test('is one line, without its end', async () => {
    for (const text of ['tok', 'tok\n', 'tok\r\n']) assert.equal(await readSecret(secretFile(text)), 'tok');
    assert.equal((await readSecret(secretFile('x'.repeat(4096)))).length, 4096);
    for (const text of ['', '\n', 'a\nb\n', 'x'.repeat(4097), 'a\0']) {
      await assert.rejects(readSecret(secretFile(text)), failure(/does not hold a secret on one line/, false));
    }
    await assert.rejects(readSecret('/nowhere/secret'), failure(/cannot be read/, false));
  });
});

describe('a message for a program', () => {
  const result: CommandResult = { code: 0, signal: null, stdout: '', stderr: '', truncated: false };
  const run = (changes: Partial<CommandResult>) =>
    execute({ argv: ['/p', '-x'] }, values, async () => ({ ...result, ...changes }), 5, signal);

  test('is refused for good by three codes of sysexits(3), and for now by anything else', async () => {
    await run({});
    for (const code of [65, 67, 77]) await assert.rejects(run({ code }), failure(/exit code/, true));
    for (const changes of [{ code: 1 }, { code: 75 }, { code: null, signal: 'SIGKILL' as const }]) {
      await assert.rejects(run(changes), failure(/\/p failed \((exit code|ended by SIGKILL)/, false));
    }
    await assert.rejects(run({ code: 65, ended: 'timeout' }), failure(/\(timeout\)/, false));
    await assert.rejects(run({ code: 0, ended: 'timeout' }), failure(/\(timeout\)/, false));
    const long = { code: 1, stderr: `\n${'x'.repeat(301)}\nmore` };
    await assert.rejects(run(long), (error: Error) => /: x{300}$/.test(error.message));
  });
});

describe('the wait before another try', () => {
  test('doubles up to the longest, and is between half of it and the whole', () => {
    const policy = { first: 2, longest: 50, age: 0 };
    const waits = (random: number) => [1, 2, 3, 5, 6, 1000].map((attempts) => backoff(attempts, policy, random));
    assert.deepEqual(waits(1), [2000, 4000, 8000, 32_000, 50_000, 50_000]);
    assert.deepEqual(waits(0), [1000, 2000, 4000, 16_000, 25_000, 25_000]);
  });
});
