import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { sealRequest } from '../../../src/core/request/request.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet, type Member } from '../../support/fleet/fleet.ts';
import { orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';
import { until } from '../../support/until.ts';

/** A way to a port over which nothing passes any more once it is cut: no end learns of it, and new connections are accepted. */
async function wayTo(port: number) {
  const ends: Socket[] = [];
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return void ends.push(near.on('error', () => {}));
    const far = connect(port, '127.0.0.1');
    ends.push(near, far);
    near.pipe(far).pipe(near);
    for (const end of [near, far]) end.on('error', () => {});
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
      for (const end of ends) end.unpipe().pause();
    },
    [Symbol.asyncDispose]: async () => {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a link that is cut during a call', () => {
  let fleet: Fleet;
  let rip: Member;
  let node: TestNode;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    node = await startTestNode(fleet);
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  test('ends the call as lost, long before the timeout of the action', async () => {
    await using way = await wayTo(node.daemon.port);
    const tls = () => ({ credentials: rip.credentials, trust: fleet.trust });
    const { signal } = new AbortController();
    const dial = createDial(tls, 5000, { time: 100, timeout: 1000 });
    const connection = await dial(node.name, [{ host: '127.0.0.1', port: way.port }], signal);
    const order = orderFor(node.name, { action: 'wait', input: {} });
    const call = connection.call(sealRequest(order, rip.credentials, Date.now()), () => {}, signal);
    const lost = assert.rejects(call, { code: 'no-response', message: `the connection to ${node.name} was lost` });
    await until('the call has begun', async () => (await node.records()).some(({ kind }) => kind === 'intent'));
    way.cut();
    await lost;
    for (const end of waiting.splice(0)) end();
    connection.close();
  });

  test('is detected by each later call if the host accepts connections but the daemon does not reply', async () => {
    await using way = await wayTo(node.daemon.port);
    const tls = () => ({ credentials: rip.credentials, trust: fleet.trust });
    const { signal } = new AbortController();
    const dial = createDial(tls, 2000, { time: 100, timeout: 1000 });
    const connection = await dial(node.name, [{ host: '127.0.0.1', port: way.port }], signal);
    way.cut();
    const order = orderFor(node.name, { action: 'wait', input: {} });
    const request = () => sealRequest(order, rip.credentials, Date.now());
    const lost = `the connection to ${node.name} was lost`;
    await assert.rejects(connection.result(request(), signal), { code: 'no-response', message: lost });
    const again = { code: 'no-response', message: `${lost}, and connecting again takes too long` };
    await Promise.all([
      assert.rejects(connection.result(request(), signal), again),
      assert.rejects(
        connection.call(request(), () => {}, signal),
        again,
      ),
    ]);
    connection.close();
  });
});
