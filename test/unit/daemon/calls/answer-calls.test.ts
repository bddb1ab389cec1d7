import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { Agent } from '../../../../src/core/agent.ts';
import { defineIdentity, type Identity } from '../../../../src/core/identity.ts';
import { signQuery } from '../../../../src/core/request/query.ts';
import { openReply } from '../../../../src/core/request/reply.ts';
import { sealRequest } from '../../../../src/core/request/request.ts';
import { makeKeyPair } from '../../../../src/core/sealed/encryption-key.ts';
import { sealTo } from '../../../../src/core/sealed/exchange.ts';
import { encryptionKeyCodec } from '../../../../src/core/wire/codec.ts';
import type { SealedEvent } from '../../../../src/core/wire/messages.ts';
import type { Roster } from '../../../../src/daemon/agents/roster.ts';
import { answerCalls } from '../../../../src/daemon/calls/answer-calls.ts';
import { loadNodeConfig } from '../../../../src/daemon/config/config.ts';
import { type OpenNode, openNode } from '../../../../src/daemon/open-node.ts';
import { probeAgent, probeCalls, waiting } from '../../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { orderFor, prepareNode } from '../../../support/node/node.ts';

const name = 'dev2.devco.net';
const now = Date.now();

let fleet: Fleet;
let rip: Member;
let node: OpenNode;
let probe: Agent;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  const { configFile } = await prepareNode(fleet, { name });
  const config = await loadNodeConfig(configFile, [probeAgent]);
  const agents = { knownAgents: () => [probeAgent.ddl], agentNames: () => ['probe'] };
  node = await openNode(config, { version: '0.1.0', ...agents, onKeys: () => {}, now: () => now });
  probe = await (await probeAgent.load())({} as never);
});
after(async () => {
  node.keys.stop();
  await node.audit.close();
  await fleet.remove();
});

/** The calls of the node with its probe and with agents that keep artifacts. */
function startCalls(more: Readonly<Record<string, Agent>> = {}) {
  const running = new Map([['probe', probe], ...Object.entries(more)]);
  const roster = { entries: () => [probeAgent], running } as unknown as Roster;
  const calls = answerCalls(
    node,
    roster,
    async () => assert.fail('nobody asks for it'),
    () => [],
    () => now,
  );
  const call = async (action: string, input = {}) => {
    const signed = sealRequest(orderFor(name, { action, input }), rip.credentials, now);
    const reply = await calls.service.call(signed, rip.identity, () => {}, new AbortController().signal);
    return openReply(reply, signed.request, name, fleet.trust, now);
  };
  return { ...calls, call };
}

describe('the calls of a node', () => {
  test('are served until they are closed', async () => {
    const { service, close, call } = startCalls();
    assert.equal(service.isServing(), true);
    assert.equal((await call('echo', { text: 'a' })).outcome, 'ok');
    close();
    assert.equal(service.isServing(), false);
    await assert.rejects(call('echo', { text: 'a' }), { code: 'not-serving' });
  });

  test('have ended when the last one has, also when they are cancelled', async () => {
    for (const end of ['by itself', 'cancelled']) {
      const { call, cancel, ended } = startCalls();
      await ended();
      const called = once(probeCalls, 'wait');
      const reply = call('wait');
      await called;
      const done: string[] = [];
      const all = ended().then(() => done.push('ended'));
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(done, []);
      if (end === 'cancelled') cancel();
      else waiting.at(-1)?.();
      assert.deepEqual([(await reply).outcome, await all], [end === 'cancelled' ? end : 'ok', 1]);
    }
  });

  test('are limited for each caller, and by other limits for each relay', () => {
    const { service } = startCalls();
    const { calls_per_caller: most, calls_per_relay: mostOfRelay } = node.config.limits;
    assert.ok(mostOfRelay > most);
    const relay = defineIdentity('node', 'devco.net', 'relay1.devco.net');
    const enter = (peer: Identity, times: number) => Array.from({ length: times }, () => service.enter(peer, 0));
    const left = enter(rip.identity, most);
    assert.throws(() => service.enter(rip.identity, 0), { code: 'busy', message: /^cert=rip@devco\.net has/ });
    left.push(...enter(relay, mostOfRelay));
    assert.throws(() => service.enter(relay, 0), { code: 'busy', message: /^node=relay1\.devco\.net has/ });
    left.push(...enter(defineIdentity('operator', 'devco.net', 'bob@devco.net'), 1));
    for (const leave of left) leave();
    service.enter(rip.identity, 0)();
  });

  test('find the artifacts of the agent that keeps some', () => {
    const artifacts = {} as never;
    assert.equal(startCalls().service.artifacts?.(), undefined);
    assert.equal(startCalls({ publish: { handlers: {}, artifacts } }).service.artifacts?.(), artifacts);
  });

  test('over a relay may be of a clock that differs as far as the configuration allows', async () => {
    const { service } = startCalls();
    const { publicKey } = encryptionKeyCodec.decode(service.key().key);
    const grace = node.config.clock_grace * 1000;
    const codesAt = async (at: number) => {
      const query = signQuery(name, {}, rip.credentials, at);
      const exchange = sealTo(name, publicKey, makeKeyPair(), { query });
      const events: SealedEvent[] = [];
      const sink = { send: (event: SealedEvent) => events.push(event), isCongested: () => false };
      await service.sealed(exchange.request, rip.identity, sink);
      return events.map((event) => exchange.open(event).turnAway?.code);
    };
    assert.deepEqual([await codesAt(now + grace), await codesAt(now + grace + 1)], [[undefined], ['clock-skew']]);
  });
});
