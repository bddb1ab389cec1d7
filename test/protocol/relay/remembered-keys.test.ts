import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import type { Trust } from '../../../src/core/credentials/proof.ts';
import type { NodeConnection } from '../../../src/core/ports.ts';
import type { CallOptions } from '../../../src/core/request/request.ts';
import { openKeyMemory } from '../../../src/library/relays/key-memory.ts';
import { counted } from '../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { type HostileRelay, startHostileRelay } from '../../support/relay/hostile-relay.ts';
import { startRelayClient } from '../../support/relay/relay-client.ts';
import { testAgents } from '../../support/relay/relay-fleet.ts';

const dev1 = 'dev1.devco.net';
const count = { action: 'count', input: {} };

/** Commands of one operator, one after the other, over a relay that does what it likes. */
describe('a key of a node that an earlier command remembered', () => {
  let fleet: Fleet;
  let rip: Member;
  let node: TestNode;
  let relay: HostileRelay;
  let file: string;
  let asked: number;
  let passed: number;

  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    node = await startTestNode(fleet, { name: dev1, agents: testAgents });
    relay = await startHostileRelay(fleet, 'evil.devco.net', [node]);
  });
  let commands = 0;
  const begin = async () => {
    commands++;
    file = join(fleet.dir, `keys-${commands}`);
    honest();
    await command();
    [asked, passed] = [0, 0];
  };
  afterEach(() => relay.behave({}));
  after(async () => {
    await relay[Symbol.asyncDispose]();
    await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  type Behaviour = Parameters<HostileRelay['behave']>[0];
  /** Counts questions for nodes and requests, and may act otherwise on each. */
  const honest = ({
    discover = (all) => all,
    forward = (to, request, on, pass) => pass(to, request, on),
  }: Behaviour = {}) =>
    relay.behave({
      discover: (all) => {
        asked++;
        return discover(all);
      },
      forward: (to, request, on, pass) => {
        passed++;
        return forward(to, request, on, pass);
      },
    });
  /** A whole command: it finds what earlier ones remembered, calls the node once, and ends. */
  const command = async (order: Partial<CallOptions> = {}, trust: Trust = fleet.trust, direct?: NodeConnection) => {
    const memory = openKeyMemory(file, () => rip.credentials.key);
    const nowhere = () => Promise.reject(new Problem('unreachable', 'there is no other way'));
    const dial = direct === undefined ? nowhere : () => Promise.resolve(direct);
    const client = startRelayClient([relay], rip, trust, dial, memory);
    try {
      const connection = await client.connect(dev1);
      const { outcome, code } = await client.call(connection, order);
      return [outcome, code];
    } catch (error) {
      assert.ok(error instanceof Problem);
      return ['not sent', error.code];
    } finally {
      await client.relays.close();
      await memory.save();
    }
  };
  const stale = () => Promise.reject(new Problem('unknown-key', 'the node has another key'));

  test('lets a read be sent at once, without a question to the relay', async () => {
    await begin();
    assert.deepEqual(await command(), ['ok', '']);
    assert.deepEqual([asked, passed], [0, 1]);
  });

  test('is not used for a change, which is sealed only to a key that a relay has just reported', async () => {
    await begin();
    const times = counted.times;
    assert.deepEqual(await command(count), ['ok', '']);
    assert.deepEqual([asked, passed, counted.times], [1, 1, times + 1]);
  });

  test('is replaced after a restart of the node: a read is sent again with the new key, a change is done once', async () => {
    await begin();
    await node.restart();
    await relay.connect(node);
    assert.deepEqual(await command(), ['ok', '']);
    assert.deepEqual([asked, passed], [1, 2]);
    assert.deepEqual(await command(), ['ok', '']);
    assert.deepEqual([asked, passed], [1, 3]);

    await node.restart();
    await relay.connect(node);
    const times = counted.times;
    assert.deepEqual(await command(count), ['ok', '']);
    assert.deepEqual([asked, passed, counted.times], [2, 4, times + 1]);
  });

  test('makes no endless loop where a relay claims that every key is old: silence after two requests', async () => {
    await begin();
    honest({ forward: stale });
    assert.deepEqual(await command(), ['no-response', 'no-response']);
    assert.deepEqual([asked, passed], [1, 2]);
  });

  test('does not let a relay have a read served twice by claiming that the key is old', async () => {
    await begin();
    const before = (await node.records()).length;
    honest({ forward: (to, request, _on, pass) => pass(to, request, () => {}).then(stale) });
    assert.deepEqual(await command(), ['no-response', 'no-response']);
    assert.equal(passed, 2);
    const records = (await node.records()).slice(before).filter(({ kind }) => kind === 'outcome');
    assert.deepEqual(
      records.map((record) => record.kind === 'outcome' && record.code),
      ['', 'replayed'],
    );
  });

  test('leads to the node itself where the relay has no connection to it any more', async () => {
    await begin();
    honest({ discover: () => [], forward: () => Promise.reject(new Problem('unknown-target', 'it is not known')) });
    assert.deepEqual(await command(), ['no-response', 'unreachable']);
    const direct = await node.dial(rip);
    assert.deepEqual(await command({}, fleet.trust, direct), ['ok', '']);
  });

  test('counts only as far as this command trusts it: not of a revoked node, nor of a CA that is not trusted now', async () => {
    await begin();
    const revoked = { ...fleet.trust, isRevoked: (serial: string) => serial === node.certificate.serialNumber };
    assert.deepEqual(await command({}, revoked), ['not sent', 'unreachable']);
    await using others = await makeFleet();
    const [outcome] = await command({}, { ...fleet.trust, authorities: others.trust.authorities });
    assert.notEqual(outcome, 'ok');
    assert.equal(passed, 0);
  });

  test('does not outlive the rights of its operator: a node that refuses is not asked again', async () => {
    await begin();
    assert.deepEqual(await command({ agent: 'probe', action: 'nothing' }), ['refused', 'unknown-action']);
    assert.deepEqual([asked, passed].slice(1), [1]);
  });
});
