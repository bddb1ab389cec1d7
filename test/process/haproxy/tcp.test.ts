import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { actionContext, temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { adminStates, agent, endAll, ended, haproxy } from '../../support/agents/haproxy/haproxy-agent.ts';

afterEach(endAll);

/** Two servers of a protocol without requests, as of a database or a message broker: a session lasts as long as its connection. */
async function tcpServers() {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.write('hello');
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  ended.push(async () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const front = join(temporaryDirectory(), 'tcp.sock');
  const lines = [2, 3].map((host) => `server db${host} 127.0.0.${host}:${port} check`);
  const lb = await haproxy(
    ['server other 127.0.0.9:1'],
    `frontend tcp\n  mode tcp\n  bind unix@${front}\n  default_backend db\nbackend db\n  mode tcp\n  default-server inter 100ms\n  ${lines.join('\n  ')}`,
  );
  /** A session that has begun, on either server. */
  const begin = async () => {
    const client = connect(front);
    ended.push(async () => client.destroy());
    await once(client, 'data');
    return client;
  };
  return { lb, begin };
}

const order = { server: '127.0.0.2', backend: 'db' };

describe('a server in “mode tcp” with a long session', () => {
  test('goes into maintenance once the session has ended', async () => {
    const { lb, begin } = await tcpServers();
    const clients = [await begin(), await begin()];
    const { disable } = await agent([lb.socket], { drain_timeout: 30 });
    const said = Promise.withResolvers<string>();
    const call = disable(order, { ...actionContext(), progress: said.resolve });
    assert.match(await said.promise, /waiting for sessions to end: 127\.0\.0\.2 \(db\/db2\): 1 session/);
    assert.deepEqual(await adminStates(lb, 'db'), { db2: 8, db3: 0 });
    for (const client of clients) client.end();
    const [host] = (await call).hosts;
    assert.deepEqual(await adminStates(lb, 'db'), { db2: 1, db3: 0 });
    assert.ok(host !== undefined && !('sessions_left' in host));
  });

  test('is reported if its session does not end in time, lives on, and is ended only on request', async () => {
    const { lb, begin } = await tcpServers();
    const clients = [await begin(), await begin()];
    const over = clients.map((client) => once(client, 'close'));
    const { disable } = await agent([lb.socket], { drain_timeout: 0.2 });
    const said: string[] = [];
    const first = await disable(order, { ...actionContext(), progress: (text) => said.push(text) });
    assert.equal((first.hosts[0] as { sessions_left?: number }).sessions_left, 1);
    assert.ok(said.includes('sessions left after 0.2 s: 127.0.0.2 (db/db2): 1 session'), said.join('\n'));
    assert.deepEqual(await adminStates(lb, 'db'), { db2: 1, db3: 0 });
    assert.ok(
      clients.every((client) => !client.destroyed),
      'nobody was cut off',
    );
    const second = await disable({ ...order, shutdown: true });
    assert.equal(second.ended, 1);
    await Promise.race(over);
    assert.equal(clients.filter((client) => !client.destroyed && client.readable).length, 1);
  });
});
