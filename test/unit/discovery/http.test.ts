import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { fetchJson } from '../../../src/discovery/http.ts';
import { startJsonServer } from '../../support/discovery/servers/json-server.ts';
import { rejection } from '../../support/thrown.ts';

describe('a question to a web server that lists nodes', () => {
  const ask = (url: string, signal = new AbortController().signal, timeout = 20_000) =>
    fetchJson({ what: 'consul', place: (name) => `discovery.${name}`, url: new URL(url), tls: {}, timeout }, signal);

  test('accepts only the answer 200: no redirect, no part and no error', async () => {
    for (const status of [200, 201, 202, 206, 301, 302, 307, 403, 404, 500, 503]) {
      await using server = await startJsonServer([{ Node: 'web1' }], status);
      if (status === 200) assert.deepEqual((await ask(server.url)).value, [{ Node: 'web1' }]);
      else {
        const { code, message, hint } = await rejection(ask(server.url));
        assert.equal(code, 'source-failed', String(status));
        assert.match(message, new RegExp(`it answers ${status}`));
        assert.match(hint, /check discovery\.consul/);
      }
    }
  });

  test('shows no control characters of an answer that is wrong', async () => {
    for (const [answer, status] of [
      ['\x1b[2Jno\x07', 500],
      ['\x1b[2Jno\x07', 200],
    ] as const) {
      await using server = await startJsonServer(answer, status);
      const { message } = await rejection(ask(server.url));
      assert.ok(!/[\x00-\x1f]/.test(message), JSON.stringify(message));
    }
  });

  test('says that no answer came in time', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, message } = await rejection(ask(url, undefined, 30));
    server.closeAllConnections();
    server.close();
    assert.deepEqual(
      [code, message],
      ['source-failed', `consul at ${url} gives no list of nodes: no answer within 0.03 s`],
    );
  });

  test('accepts an answer up to its largest size, and reports a larger one', async () => {
    await using server = await startJsonServer('[1,2,3]');
    const question = { what: 'consul', place: () => '', url: new URL(server.url), tls: {}, timeout: 20_000 };
    const take = (largest: number) => fetchJson({ ...question, largest }, new AbortController().signal);
    assert.deepEqual((await take(7)).value, [1, 2, 3]);
    const { code, message } = await rejection(take(6));
    assert.equal(code, 'source-failed');
    assert.match(message, /its answer is larger than 6 bytes$/);
  });

  test('is cancelled, and not called a fault of the server, when the command is interrupted', async () => {
    await using server = await startJsonServer([]);
    const control = new AbortController();
    control.abort();
    assert.equal((await rejection(ask(server.url, control.signal))).code, 'cancelled');
  });
});
