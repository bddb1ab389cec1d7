import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { download } from '../../../../../src/agents/appmgr/artifact/download.ts';
import { type Fleet, makeFleet } from '../../../../support/fleet/fleet.ts';

let fleet: Fleet;
let server: Server;
let url: string;
let answer: (response: ServerResponse) => unknown = (response) => response.end();
before(async () => {
  fleet = await makeFleet();
  const { keyPem: key, certificatePem: cert } = await fleet.node('localhost');
  server = createServer({ key, cert }, (_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://localhost:${(server.address() as AddressInfo).port}/app-20.tar.gz`;
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await fleet.remove();
});

/** What is downloaded, with the size that was announced. @param limit bytes */
async function get(limit: number, signal = new AbortController().signal) {
  const bounds = { ca: join(fleet.dir, 'ca.crt'), timeout: 60, max_size: 1 };
  return await download(url, bounds, limit, signal, async ({ size, content }) => {
    let text = '';
    for await (const chunk of content) text += String(chunk);
    return [size, text];
  });
}

describe('a download of an artifact', () => {
  test('has up to the limit of bytes, announced or not', async () => {
    answer = (response) => response.writeHead(200, { 'content-length': 4 }).end('1234');
    assert.deepEqual(await get(4), [4, '1234']);
    const tooLarge = { code: 'artifact-too-large', message: `${url} has more than 3 bytes` };
    await assert.rejects(get(3), tooLarge);
    answer = (response) => response.writeHead(200).end('1234');
    assert.deepEqual(await get(4), [undefined, '1234']);
    await assert.rejects(get(3), tooLarge);
  });

  test('is refused before a byte is read if more than the limit is announced', async () => {
    // The content never comes.
    answer = (response) => response.writeHead(200, { 'content-length': 4 }).flushHeaders();
    await assert.rejects(get(3), { code: 'artifact-too-large' });
  });

  test('finds nothing where the server has no such file, or no longer', async () => {
    for (const status of [404, 410]) {
      answer = (response) => response.writeHead(status).end('none');
      assert.equal(await get(100), undefined);
    }
    for (const status of [204, 301, 403, 500]) {
      answer = (response) => response.writeHead(status).end();
      await assert.rejects(get(100), { code: 'bad-artifact', message: `${url} returned status ${status}` });
    }
  });

  test('fails if it ends early, and when its call is cancelled', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': 4 }).write('12', () => response.destroy());
    };
    await assert.rejects(get(100), { code: 'artifacts-unreachable' });
    const caller = new AbortController();
    answer = () => caller.abort();
    await assert.rejects(get(100, caller.signal), { code: 'cancelled' });
  });
});
