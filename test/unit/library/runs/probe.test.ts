import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { probe } from '../../../../src/library/runs/probe.ts';
import type { ProbeTarget } from '../../../../src/playbook/ports.ts';

const never = new AbortController().signal;

describe('a check of a port or a URL', () => {
  const endless = createServer();
  const server = createServer((request, response) => {
    const [, status = '200', body = ''] = (request.url ?? '').split('/');
    response.writeHead(Number(status), { location: '/200' });
    if (body !== 'endless') return response.end(decodeURIComponent(body));
    // Nobody ends it: it is read up to its bound.
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(16 * 1024)));
    };
    response.on('drain', more);
    more();
  });
  let at = '';
  before(async () => {
    await Promise.all([
      once(server.listen(0, '127.0.0.1'), 'listening'),
      once(endless.listen(0, '127.0.0.1'), 'listening'),
    ]);
    at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    for (const one of [server, endless]) {
      one.closeAllConnections();
      one.close();
    }
  });
  const check = (target: ProbeTarget) => probe(target, 30_000, never);

  test('accepts each status of success, or exactly the one that is required, and no redirect', async () => {
    for (const [status, required, isGood] of [
      [200, undefined, true],
      [299, undefined, true],
      [300, undefined, false],
      [302, undefined, false],
      [404, undefined, false],
      [500, undefined, false],
      [302, 302, true],
      [404, '404', true],
      [200, 204, false],
    ] as const) {
      const target = { url: `http://${at}/${status}`, ...(required === undefined ? {} : { status: required }) };
      assert.equal(await check(target), isGood ? undefined : `status ${status}`, `${status} for ${required}`);
    }
  });

  test('requires a text of the body, of which it reads only the beginning', async () => {
    assert.equal(await check({ url: `http://${at}/200/it%20is%20up`, body: 'is up' }), undefined);
    assert.equal(await check({ url: `http://${at}/200/down`, body: 'up' }), 'status 200 without “up”');
    assert.equal(await check({ url: `http://${at}/200/endless` }), undefined);
    assert.equal(await check({ url: `http://${at}/200/endless`, body: 'up' }), 'status 200 without “up”');
  });

  test('connects to a port, and reports one where nothing listens, and what is neither', async () => {
    assert.equal(await check({ tcp: at }), undefined);
    const port = (endless.address() as AddressInfo).port;
    await new Promise((resolve) => endless.close(resolve));
    assert.match((await check({ tcp: `127.0.0.1:${port}` })) ?? '', /refused/);
    assert.match((await check({ url: `http://127.0.0.1:${port}/` })) ?? '', /refused/);
    assert.equal(await check({ tcp: 'nowhere' }), '“nowhere” is not HOST:PORT');
    assert.equal(await check({ url: 'nowhere' }), '“nowhere” is not a URL');
  });

  test('ends when its run does', async () => {
    const control = new AbortController();
    control.abort();
    assert.equal(await probe({ tcp: at }, 30_000, control.signal), 'no connection in time');
    assert.equal(await probe({ url: `http://${at}/200` }, 30_000, control.signal), 'no answer in time');
  });
});
