import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHomeWith, relayLine, startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';
import { placeOf } from '../../support/program/home.ts';

const names = (out: readonly string[]) => (JSON.parse(out.join('\n')) as { node: string }[]).map(({ node }) => node);

describe('a second relay on the way', () => {
  let fleet: Fleet;
  let node: TestNode;
  let inner: TestNode;
  let outer: TestNode;
  let home: string;
  const allow = (relay: string) =>
    `policy default deny\nallow\tcert=rip@devco.net\t*\t*\t*\nallow\tnode=${relay}.devco.net\t*\t*\t*\n`;

  before(async () => {
    fleet = await makeFleet();
    node = await startTestNode(fleet, { name: 'dev1.devco.net', agents: testAgents });
    inner = await startRelayNode(fleet, 'inner.devco.net', [node], { policies: { default: allow('outer') } });
    outer = await startRelayNode(fleet, 'outer.devco.net', [inner], { policies: { default: allow('first') } });
    home = join(fleet.dir, 'home');
    await makeHomeWith(fleet, home, relayLine([outer]));
  });
  after(async () => {
    for (const one of [outer, inner, node]) await one[Symbol.asyncDispose]();
    await fleet.remove();
  });

  test('reaches the nodes that only it is connected to, and ping shows both', async () => {
    const { code, out, err } = await runInProcess(['ping', '-v', '-I', 'dev1.devco.net'], home);
    assert.equal(code, 0, err.join('\n'));
    assert.match(out[0] ?? '', /via outer\.devco\.net > inner\.devco\.net/);
    const called = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev1.devco.net', '--json'], home);
    assert.deepEqual([called.code, names(called.out)], [0, ['dev1.devco.net']]);
    const intent = (await node.records()).findLast((record) => record.kind === 'intent');
    assert.equal(intent?.kind === 'intent' && intent.relay, 'inner.devco.net');
  });

  test('is the last: nodes behind a third are not reached', async () => {
    await using first = await startRelayNode(fleet, 'first.devco.net', [outer]);
    const far = join(fleet.dir, 'far');
    await makeHomeWith(fleet, far, relayLine([first]));
    const { out } = await runInProcess(['ping', '--json'], far);
    const found = (JSON.parse(out.join('\n')) as { nodes: { node: string }[] }).nodes.map((one) => one.node);
    assert.ok(found.includes('inner.devco.net'), String(found));
    assert.ok(!found.includes('dev1.devco.net'), String(found));
  });
});

describe('the relay of the host itself', () => {
  let fleet: Fleet;
  let node: TestNode;
  let relay: TestNode;
  let socket: string;

  before(async () => {
    fleet = await makeFleet();
    socket = join(fleet.dir, 'relay.sock');
    node = await startTestNode(fleet, { name: 'dev1.devco.net', agents: testAgents });
    relay = await startRelayNode(fleet, 'here.devco.net', [node], { settings: `socket: ${socket}` });
  });
  after(async () => {
    for (const one of [relay, node]) await one[Symbol.asyncDispose]();
    await fleet.remove();
  });

  test('is used by its socket without being named, and --via direct leaves it out', async () => {
    const home = join(fleet.dir, 'home');
    await makeHomeWith(fleet, home, `relay_socket: ${socket}\ndiscovery: { method: file, file: nodes.json }`);
    const list = [placeOf(node)];
    await writeFile(join(home, '.config/mco-deploy/nodes.json'), JSON.stringify(list));
    const path = async (...more: string[]) =>
      (await runInProcess(['ping', '-v', ...more], home)).out[0]?.replace(/.* ms /, '');
    assert.equal(await path(), 'via here.devco.net');
    assert.equal(await path('--via', 'direct'), 'direct');
  });

  test('lets its owner and its group use the socket, and nobody else', async () => {
    assert.equal((await stat(socket)).mode & 0o777, 0o660);
  });
});
