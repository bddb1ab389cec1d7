import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { automaticFrom } from '../../../src/library/relays/automatic.ts';
import { connectionsTo } from '../../support/connections-to.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { startHostileRelay } from '../../support/relay/hostile-relay.ts';
import { makeHomeWith, startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';
import { until } from '../../support/until.ts';
import { placeOf } from '../../support/program/home.ts';

describe('relays that nobody named', () => {
  let fleet: Fleet;
  let node: TestNode;
  let relay: TestNode;
  let homes = 0;

  before(async () => {
    fleet = await makeFleet();
    node = await startTestNode(fleet, { name: 'dev1.devco.net', agents: testAgents });
    relay = await startRelayNode(fleet, 'bastion.devco.net', [node]);
  });
  after(async () => {
    for (const one of [relay, node]) await one[Symbol.asyncDispose]();
    await fleet.remove();
  });

  /** A home that knows so many nodes from earlier, `relays` among them, and finds dev1 by a list. */
  const homeWith = async (known: number, relays: readonly { name: string; port: number }[], lines = '') => {
    const home = join(fleet.dir, `home${homes++}`);
    await makeHomeWith(fleet, home, `discovery: { method: file, file: nodes.json }\n${lines}`);
    const listed = [placeOf(node)];
    await writeFile(join(home, '.config/mco-deploy/nodes.json'), JSON.stringify(listed));
    const seen = { agents: [], classes: [], facts: {}, lastSeen: Date.now() };
    const others = Array.from({ length: known - relays.length }, (_, index) => ({
      ...seen,
      name: `x${index}`,
      addresses: [],
    }));
    const ways = relays.map(({ name, port }) => ({
      ...seen,
      name,
      addresses: [{ host: '127.0.0.1', port }],
      relays: true,
    }));
    await mkdir(join(home, '.cache/mco-deploy'), { recursive: true });
    const nodes = [...others, ...ways];
    await writeFile(join(home, '.cache/mco-deploy/nodes.json'), JSON.stringify({ version: 1, nodes, forgotten: {} }));
    return home;
  };
  /** A relay that nobody named has twice 250 ms to answer; here it has a minute, as a busy machine may need it. */
  const waitLong = (context: TestContext) => {
    const { setTimeout: real } = globalThis;
    context.mock.method(globalThis, 'setTimeout', (work: () => void, time: number, ...more: unknown[]) =>
      real(work, time === 250 ? 60_000 : time, ...(more as [])),
    );
  };
  const pathIn = async (home: string) => {
    const { code, out, err } = await runInProcess(['ping', '-v', '-I', node.name], home);
    assert.deepEqual([code, err], [0, []], err.join('\n'));
    return /(direct|via .*)$/.exec(out[0] ?? '')?.[1];
  };
  const bastion = () => [{ name: relay.name, port: relay.daemon.port }];

  test(`are used from ${automaticFrom} known nodes on, and not below`, async (context) => {
    waitLong(context);
    assert.equal(await pathIn(await homeWith(automaticFrom, bastion())), 'via bastion.devco.net');
    assert.equal(await pathIn(await homeWith(automaticFrom - 1, bastion())), 'direct');
  });

  test('are not used if client.yaml disables them', async () => {
    assert.equal(await pathIn(await homeWith(automaticFrom, bastion(), 'auto_relays: false')), 'direct');
  });

  test('are not used without the role in the certificate, whatever is remembered or announced', async () => {
    const config = 'relay: { socket: false }\n';
    await using claims = await startTestNode(fleet, { name: 'claims.devco.net', agents: testAgents, config });
    const home = await homeWith(automaticFrom, [{ name: claims.name, port: claims.daemon.port }]);
    assert.equal(await pathIn(home), 'direct');
    assert.deepEqual(
      (await claims.records()).filter(({ kind }) => kind === 'intent'),
      [],
    );
  });

  test('are asked nothing without the role, although they would relay all the same', async (context) => {
    waitLong(context);
    for (const hasRole of [true, false]) {
      await using relay = await startHostileRelay(fleet, `any-${hasRole}.devco.net`, [], hasRole);
      let asked = 0;
      relay.behave({
        discover: (honest) => {
          asked++;
          return honest;
        },
      });
      const home = await homeWith(automaticFrom, [relay]);
      assert.equal(await pathIn(home), 'direct');
      assert.equal(asked > 0, hasRole);
    }
  });

  test('are not used if they do not reply, or do not relay for this operator', async () => {
    assert.equal(await pathIn(await homeWith(automaticFrom, [{ name: relay.name, port: 9 }])), 'direct');
    const policies = { default: 'policy default allow\n', relay: 'policy default deny\n' };
    await using closed = await startRelayNode(fleet, 'closed.devco.net', [node], { policies });
    const home = await homeWith(automaticFrom, [{ name: closed.name, port: closed.daemon.port }]);
    assert.equal(await pathIn(home), 'direct');
    await until('the client has closed the relay that it does not use', () => connectionsTo(closed.daemon.port) === 0);
  });

  test('are remembered from a handshake, and only if their certificate has the role', async () => {
    const home = await homeWith(1, []);
    const listed = [node, relay].map(placeOf);
    await writeFile(join(home, '.config/mco-deploy/nodes.json'), JSON.stringify(listed));
    const { code } = await runInProcess(['ping', '-I', node.name, '-I', relay.name], home);
    assert.equal(code, 0);
    const { nodes } = JSON.parse(await readFile(join(home, '.cache/mco-deploy/nodes.json'), 'utf8')) as {
      nodes: { name: string; relays?: boolean }[];
    };
    const role = (name: string) => nodes.find((one) => one.name === name)?.relays;
    assert.deepEqual([role(relay.name), role(node.name)], [true, undefined]);
  });
});
