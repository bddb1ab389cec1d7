import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { fetchJson } from '../../../src/discovery/http.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { makeServerCertificate } from '../../support/certificates.ts';
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

  test('is a GET without a body, and a POST of JSON with one, with its headers', async () => {
    await using server = await startJsonServer([]);
    const question = { what: 'consul', place: () => '', url: new URL(server.url), tls: {}, timeout: 20_000 };
    const { signal } = new AbortController();
    await fetchJson({ ...question, headers: { 'x-token': 'one' } }, signal);
    await fetchJson({ ...question, body: { query: 'all' } }, signal);
    const sent = server.asked.map(({ method, headers }) => [method, headers.accept, headers['content-type']]);
    assert.deepEqual(sent, [
      ['GET', 'application/json', undefined],
      ['POST', 'application/json', 'application/json'],
    ]);
    assert.equal(server.asked[0]?.headers['x-token'], 'one');
    assert.deepEqual(server.bodies, ['', '{"query":"all"}']);
  });

  test('over TLS trusts the given CA alone, and shows the given certificate', async () => {
    const directory = temporaryDirectory();
    const { ca, keyFile, certFile, key, cert } = await makeServerCertificate(directory, 'consul');
    await using server = await startJsonServer([1], 200, { key, cert });
    const question = { what: 'consul', place: () => '', url: new URL(server.url), timeout: 20_000 };
    const { signal } = new AbortController();
    const shown = () => {
      const socket = server.asked.at(-1)?.socket;
      assert.ok(socket instanceof TLSSocket);
      return socket.getPeerCertificate().raw?.toString('base64');
    };
    assert.deepEqual((await fetchJson({ ...question, tls: { ca } }, signal)).value, [1]);
    assert.equal(shown(), undefined);
    await fetchJson({ ...question, tls: { ca, certificate: certFile, key: keyFile } }, signal);
    assert.equal(shown(), new X509Certificate(cert).raw.toString('base64'));
    const refused = async (tls: object) => (await rejection(fetchJson({ ...question, tls }, signal))).message;
    assert.match(await refused({}), /: no CA that is trusted here has signed its certificate$/);
    assert.match(await refused({ ca: join(directory, 'missing.pem') }), /: no such file or directory$/);
  });

  test('that is refused shows the first line of the reason; what is not JSON shows its beginning', async () => {
    const asking = async (answer: string, status: number) => {
      await using server = await startJsonServer(answer, status);
      return (await rejection(ask(server.url))).message.split('no list of nodes: ')[1];
    };
    const long = 'x'.repeat(200);
    assert.equal(await asking('', 500), 'it answers 500');
    assert.equal(await asking('no leader\nelected', 500), 'it answers 500 (no leader)');
    assert.equal(await asking(long, 500), `it answers 500 (${long.slice(0, 120)})`);
    assert.equal(await asking('\n <html>', 200), 'its answer is not JSON (it begins “<html>”)');
    assert.equal(await asking(long, 200), `its answer is not JSON (it begins “${long.slice(0, 60)}”)`);
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
