import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Relays } from '../../../src/library/relays/relays.ts';
import { Problem } from '../../../src/core/errors.ts';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { NodeConnection } from '../../../src/core/ports.ts';
import { signQuery } from '../../../src/core/request/query.ts';
import type { Outcome } from '../../../src/core/request/reply.ts';
import { type CallOptions, sealRequest } from '../../../src/core/request/request.ts';
import { makeKeyPair, openKey, signKey } from '../../../src/core/sealed/encryption-key.ts';
import { sealTo } from '../../../src/core/sealed/exchange.ts';
import type { Envelope, EnvelopeReply, SealedEvent, SealedRequest } from '../../../src/core/wire/messages.ts';
import { counted, probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { testProblem } from '../../support/test-problem.ts';
import { orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';
import { startRelayClient } from '../../support/relay/relay-client.ts';
import { type HostileRelay, startHostileRelay } from '../../support/relay/hostile-relay.ts';
import { testAgents } from '../../support/relay/relay-fleet.ts';

const dev1 = 'dev1.devco.net';
const dev2 = 'dev2.devco.net';

let fleet: Fleet;
let rip: Member;
let relay: HostileRelay;
const nodes: TestNode[] = [];
const open: Relays[] = [];
const { signal } = new AbortController();

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  for (const name of [dev1, dev2]) nodes.push(await startTestNode(fleet, { name, agents: testAgents }));
  relay = await startHostileRelay(fleet, 'evil.devco.net', nodes);
});

const resetRelay = async () => {
  relay.behave({});
  for (const relays of open.splice(0)) await relays.close();
};

after(async () => {
  await relay[Symbol.asyncDispose]();
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await fleet.remove();
});

/** A client that has this relay and no other way, and the names that the relay reported. */
async function startClient(): Promise<{ relays: Relays; names: string[] }> {
  const { relays, names } = startRelayClient([relay], rip, fleet.trust);
  open.push(relays);
  return { relays, names: await names() };
}

const connect = async (name: string): Promise<NodeConnection> => (await startClient()).relays.dial(name, [], signal);

const call = (connection: NodeConnection, order: Partial<CallOptions> = {}, timeout = 5000): Promise<Outcome> =>
  startRelayClient([], rip, fleet.trust).call(connection, order, timeout);

const count = { action: 'count', input: {} };
const describeRequest = { filter: noFilter, facts: ['*'], full: false, peers: false };

const silent = (outcome: Outcome) => assert.deepEqual([outcome.outcome, outcome.code], ['no-response', 'no-response']);

/** Behaves so for the first request alone. */
const once = (forward: NonNullable<Parameters<HostileRelay['behave']>[0]['forward']>) => {
  let first = true;
  relay.behave({
    forward: (target, request, onEvent, pass) => {
      if (!first) return pass(target, request, onEvent);
      first = false;
      return forward(target, request, onEvent, pass);
    },
  });
};

const collect = async (target: string, request: SealedRequest): Promise<SealedEvent[]> => {
  const events: SealedEvent[] = [];
  await relay.pass(target, request, (event) => events.push(event));
  return events;
};

/** Sends what the relay itself made up, sealed as only a relay needs no help for. */
const inject = async (node: TestNode | undefined, envelope: Envelope): Promise<EnvelopeReply[]> => {
  assert.ok(node);
  const key = openKey(await relay.key(node.name), node.name, fleet.trust, Date.now());
  const exchange = sealTo(node.name, key, makeKeyPair(), envelope);
  return (await collect(node.name, exchange.request)).map(exchange.open);
};

const lastRecord = async (node: TestNode | undefined) => (await node?.records())?.at(-1);

/** A relay with all that the fleet's CA gives a relay, which does what it likes. Each case ends as silence or as a refusal. */
describe('a hostile relay of late or lost messages that', () => {
  afterEach(resetRelay);

  test('is honest for once passes a call: the cases below fail because of their attacks', async () => {
    const outcome = await call(await connect(dev1));
    assert.deepEqual([outcome.outcome, outcome.data.text], ['ok', 'hello']);
  });

  test('drops a request: silence, and nothing is done', async () => {
    const before = counted.times;
    const connection = await connect(dev1);
    relay.behave({ forward: () => new Promise(() => {}) });
    silent(await call(connection, count, 300));
    assert.equal(counted.times, before);
  });

  test('drops the reply to a read: silence', async () => {
    const connection = await connect(dev1);
    relay.behave({ forward: (target, request, _onEvent, pass) => pass(target, request, () => {}) });
    silent(await call(connection, {}, 1000));
  });

  test('drops the reply to a change: the client asks for the result, and it is done once', async () => {
    const before = counted.times;
    const connection = await connect(dev1);
    once((target, request, _onEvent, pass) => pass(target, request, () => {}));
    assert.equal((await call(connection, count)).outcome, 'ok');
    assert.equal(counted.times, before + 1);
  });

  test('delays a reply beyond the caller’s time: silence', async () => {
    const connection = await connect(dev1);
    relay.behave({
      forward: async (target, request, onEvent) => {
        const events = await collect(target, request);
        await sleep(600);
        for (const event of events) onEvent(event);
      },
    });
    silent(await call(connection, {}, 300));
  });

  test('delays a change until its caller has asked about it: it is refused and never done late', async () => {
    const before = counted.times;
    const connection = await connect(dev1);
    let held: (() => Promise<SealedEvent[]>) | undefined;
    once((target, request) => {
      held = () => collect(target, request);
      return Promise.reject(testProblem('withheld', ''));
    });
    silent(await call(connection, count));
    await held?.();
    assert.equal(counted.times, before);
    const record = await lastRecord(nodes[0]);
    assert.deepEqual([record?.kind, record?.kind === 'outcome' && record.code], ['outcome', 'late-try']);
  });

  test('delivers an earlier try after a later one: it is refused', async () => {
    const connection = await connect(dev1);
    const requestId = 'b'.repeat(32);
    let held: (() => Promise<SealedEvent[]>) | undefined;
    relay.behave({
      forward: (target, request) => {
        held = () => collect(target, request);
        return new Promise(() => {});
      },
    });
    silent(await call(connection, { ...count, requestId }, 300));
    relay.behave({});
    assert.equal((await call(connection, { ...count, requestId, try: 2 })).outcome, 'ok');
    const before = counted.times;
    await held?.();
    assert.equal(counted.times, before);
    const record = await lastRecord(nodes[0]);
    assert.equal(record?.kind === 'outcome' && record.code, 'late-try');
  });
});

describe('a hostile relay of repeated or forged messages that', () => {
  afterEach(resetRelay);

  test('replays a request: it is refused and recorded, and done once', async () => {
    const before = counted.times;
    const connection = await connect(dev1);
    let kept: SealedRequest | undefined;
    once((target, request, onEvent, pass) => {
      kept = request;
      return pass(target, request, onEvent);
    });
    assert.equal((await call(connection, count)).outcome, 'ok');
    assert.ok(kept);
    await collect(dev1, kept);
    assert.equal(counted.times, before + 1);
    const record = await lastRecord(nodes[0]);
    assert.equal(record?.kind === 'outcome' && record.code, 'replayed');
  });

  test('duplicates a change and shows the refusal of its copy: detected, the first result counts', async () => {
    const before = counted.times;
    const connection = await connect(dev1);
    once(async (target, request, onEvent) => {
      await collect(target, request);
      for (const event of await collect(target, request)) onEvent(event);
    });
    assert.equal((await call(connection, count)).outcome, 'ok');
    assert.equal(counted.times, before + 1);
  });

  test('replays a request: two replies are never encrypted with the same key', async () => {
    const connection = await connect(dev1);
    const replies: SealedEvent[][] = [];
    once(async (target, request, onEvent) => {
      replies.push(await collect(target, request), await collect(target, request));
      for (const event of replies[0] ?? []) onEvent(event);
    });
    assert.equal((await call(connection)).outcome, 'ok');
    const salts = replies.map(([event]) => event?.salt.toString('hex'));
    assert.equal(new Set(salts).size, 2);
  });

  test('repeats the parts of a reply: one outcome', async () => {
    const connection = await connect(dev1);
    relay.behave({
      forward: async (target, request, onEvent) => {
        for (const event of await collect(target, request)) for (let times = 0; times < 3; times++) onEvent(event);
      },
    });
    assert.equal((await call(connection)).outcome, 'ok');
  });

  test('forges parts of a reply: they are ignored, the real one still counts', async () => {
    const connection = await connect(dev1);
    relay.behave({
      forward: async (target, request, onEvent) => {
        const forged = { sequence: 0, last: true, salt: Buffer.alloc(32, 1), ciphertext: Buffer.alloc(200, 2) };
        onEvent(forged);
        onEvent({ ...forged, salt: Buffer.alloc(0) });
        for (const event of await collect(target, request)) onEvent(event);
      },
    });
    assert.equal((await call(connection)).outcome, 'ok');
  });
});

describe('a hostile relay of changed messages that', () => {
  afterEach(resetRelay);

  test('changes a byte of a reply, its salt, its position or its end: silence', async () => {
    const changes: ((event: SealedEvent) => SealedEvent)[] = [
      (event) => ({ ...event, ciphertext: flipped(event.ciphertext) }),
      (event) => ({ ...event, salt: flipped(event.salt) }),
      (event) => ({ ...event, sequence: event.sequence + 1 }),
      (event) => ({ ...event, last: !event.last }),
    ];
    for (const change of changes) {
      const connection = await connect(dev1);
      relay.behave({
        forward: async (target, request, on) => (await collect(target, request)).map(change).forEach(on),
      });
      silent(await call(connection, {}, 2000));
    }
  });

  test('changes a byte of a request: nobody can open it, and nothing is done', async () => {
    const before = counted.times;
    const changes: ((request: SealedRequest) => SealedRequest)[] = [
      (request) => ({ ...request, ciphertext: flipped(request.ciphertext) }),
      (request) => ({ ...request, salt: flipped(request.salt) }),
      (request) => ({ ...request, ephemeral: makeKeyPair().publicKey }),
      (request) => ({ ...request, ephemeral: flipped(request.ephemeral) }),
      (request) => ({ ...request, keyId: flipped(request.keyId) }),
    ];
    for (const change of changes) {
      const connection = await connect(dev1);
      relay.behave({ forward: (target, request, onEvent, pass) => pass(target, change(request), onEvent) });
      silent(await call(connection, { action: 'echo' }, 2000));
    }
    assert.equal(counted.times, before);
  });

  test('delivers a request to another node than its target: that node cannot open it', async () => {
    const before = counted.times;
    const connection = await connect(dev1);
    relay.behave({ forward: (_target, request, onEvent, pass) => pass(dev2, request, onEvent) });
    silent(await call(connection, {}, 2000));
    assert.equal(counted.times, before);
  });

  test('swaps the replies of two nodes, or of two requests: silence', async () => {
    const [first, second] = [await connect(dev1), await connect(dev2)];
    const targets = [
      [first, second],
      [first, first],
    ] as const;
    for (const [one, other] of targets) {
      const waitingFor: { request: SealedRequest; target: string; onEvent: (event: SealedEvent) => void }[] = [];
      relay.behave({
        forward: async (target, request, onEvent) => {
          waitingFor.push({ request, target, onEvent });
          if (waitingFor.length < 2) return await new Promise(() => {});
          const [a, b] = waitingFor;
          if (a === undefined || b === undefined) return;
          for (const event of await collect(a.target, a.request)) b.onEvent(event);
          for (const event of await collect(b.target, b.request)) a.onEvent(event);
        },
      });
      for (const outcome of await Promise.all([call(one, {}, 1000), call(other, {}, 1000)])) silent(outcome);
    }
  });
});

describe('a hostile relay of descriptions and keys that', () => {
  afterEach(resetRelay);

  test('shows an old description of a node: silence, because each is signed over its question', async () => {
    const connection = await connect(dev1);
    let old: SealedEvent[] = [];
    relay.behave({
      forward: async (target, request, onEvent) => {
        old = await collect(target, request);
        for (const event of old) onEvent(event);
      },
    });
    assert.equal((await connection.describe(describeRequest, signal)).identity, dev1);
    relay.behave({ forward: async (_target, _request, onEvent) => old.forEach(onEvent) });
    await assert.rejects(connection.describe(describeRequest, signal), { code: 'no-response' });
  });

  test('replays a question: it is refused, in a sealed reply', async () => {
    const connection = await connect(dev1);
    const replies: SealedEvent[][] = [];
    once(async (target, request, onEvent) => {
      await collect(target, request);
      replies.push(await collect(target, request));
      for (const event of replies[0] ?? []) onEvent(event);
    });
    await assert.rejects(connection.describe(describeRequest, signal), { code: 'replayed' });
  });

  test('replaces a node’s key with its own, signed by itself or by another node: the key is not used', async () => {
    const own = makeKeyPair();
    const evil = (await fleet.node('evil2.devco.net')).credentials;
    const forgeries = [
      signKey(own, evil, Date.now()),
      signKey(own, { ...evil, identity: { ...evil.identity, name: dev1 } }, Date.now()),
    ];
    for (const key of forgeries) {
      relay.behave({ discover: (honest) => honest.map((event) => (event.node === dev1 ? { ...event, key } : event)) });
      const { relays } = await startClient();
      await assert.rejects(relays.dial(dev1, [], signal), { code: 'unreachable' });
    }
  });

  test('replaces a node’s key with another node’s: the key is not used', async () => {
    relay.behave({
      discover: (honest) => {
        const other = honest.find(({ node }) => node === dev2)?.key;
        return honest.map((event) => (event.node === dev1 && other ? { ...event, key: other } : event));
      },
    });
    const { relays } = await startClient();
    await assert.rejects(relays.dial(dev1, [], signal), { code: 'unreachable' });
  });

  test('returns a node’s key from before a restart: silence, and nothing is done', async () => {
    await using node = await startTestNode(fleet, { name: 'dev3.devco.net', agents: testAgents });
    await using other = await startHostileRelay(fleet, 'evil6.devco.net', [node]);
    const stale = await other.key(node.name);
    await node.restart();
    await using fresh = await startHostileRelay(fleet, 'evil7.devco.net', [node]);
    const before = counted.times;
    const exchange = sealTo(node.name, openKey(stale, node.name, fleet.trust, Date.now()), makeKeyPair(), {
      call: sealRequest(orderFor(node.name, count), rip.credentials, Date.now()),
    });
    await assert.rejects(fresh.pass(node.name, exchange.request, exchange.open), { code: 'unknown-key' });
    assert.equal(counted.times, before);
  });

  test('omits a node: the node is missing, and no other takes its place', async () => {
    relay.behave({ discover: (honest) => honest.filter(({ node }) => node !== dev1) });
    const { relays, names } = await startClient();
    assert.deepEqual(names, [dev2]);
    await assert.rejects(relays.dial(dev1, [], signal), { code: 'unreachable' });
  });

  test('invents nodes: they are only named, none is proven', async () => {
    relay.behave({
      discover: (honest) => [...honest, { node: 'ghost.devco.net', key: null, path: [], lastHeard: Date.now() }],
    });
    const { relays, names } = await startClient();
    assert.ok(names.includes('ghost.devco.net'));
    await assert.rejects(relays.dial('ghost.devco.net', [], signal), { code: 'unreachable' });
  });

  test('lists a node many times: it counts once', async () => {
    relay.behave({ discover: (honest) => [...honest, ...honest, ...honest] });
    assert.deepEqual((await startClient()).names.sort(), [dev1, dev2]);
  });

  test('claims that a node ended its reply, refused or is unknown: silence', async () => {
    const endings = [
      () => Promise.resolve(),
      () => Promise.reject(new Problem('policy-denied', 'not allowed')),
      () => Promise.reject(testProblem('ok', 'all done')),
    ];
    for (const forward of endings) {
      const connection = await connect(dev1);
      relay.behave({ forward });
      silent(await call(connection));
    }
  });
});

describe('a hostile relay of signed orders that', () => {
  afterEach(resetRelay);

  test('signs a request by itself: refused as a relay, and recorded under its name', async () => {
    const { credentials } = await fleet.node('evil3.devco.net', { relay: true });
    const forged = sealRequest(orderFor(dev1, count), credentials, Date.now());
    const before = counted.times;
    const [reply] = await inject(nodes[0], { call: forged });
    assert.ok(reply?.reply);
    assert.equal(counted.times, before);
    const records = (await nodes[0]?.records()) ?? [];
    const [intent, outcome] = records.slice(-2);
    assert.equal(outcome?.kind === 'outcome' && outcome.code, 'wrong-kind');
    assert.equal(intent?.kind === 'intent' && intent.relay, relay.name);
  });

  test('forges an operator’s signature: it is recorded as the sender, and uses none of the operator’s share', async () => {
    const policies = { default: 'policy default deny\nallow\tcert=rip@devco.net\t*\t*\t*\n' };
    const config = 'limits: { burst: 4, rate: 0.001, calls_per_caller: 4 }\n';
    await using node = await startTestNode(fleet, { name: 'dev5.devco.net', agents: testAgents, policies, config });
    await using own = await startHostileRelay(fleet, 'evil5.devco.net', [node]);
    const good = sealRequest(orderFor(node.name, count), rip.credentials, Date.now());
    const forged = { ...good, signature: flipped(good.signature) };
    const key = openKey(await own.key(node.name), node.name, fleet.trust, Date.now());
    const send = async (envelope: Envelope) => {
      const exchange = sealTo(node.name, key, makeKeyPair(), envelope);
      const replies: EnvelopeReply[] = [];
      await own.pass(node.name, exchange.request, (event) => replies.push(exchange.open(event)));
      return replies.at(-1);
    };
    const before = counted.times;
    for (let times = 0; times < 10; times++) await send({ call: forged });
    const intents = (await node.records()).filter((record) => record.kind === 'intent');
    assert.ok(intents.length > 0);
    for (const intent of intents) assert.equal(intent.caller, 'node=evil5.devco.net');
    assert.ok((await send({ call: good }))?.reply, 'the operator’s own request is still served');
    assert.equal(counted.times, before + 1);
    for (let times = 0; times < 10; times++) await send({ call: good });
    const next = sealRequest(orderFor(node.name, count), rip.credentials, Date.now());
    assert.ok((await send({ call: next }))?.reply, 'nor do copies of a request spend its share');
    assert.equal(counted.times, before + 2);
    const fresh = () => sealRequest(orderFor(node.name, count), rip.credentials, Date.now());
    const { request } = sealTo(node.name, key, makeKeyPair(), { call: fresh() });
    const copies = Array.from({ length: 10 }, () => own.pass(node.name, request, () => {}));
    await Promise.allSettled(copies);
    assert.ok((await send({ call: fresh() }))?.reply, 'nor do copies that come at the same time');
    assert.equal(counted.times, before + 4);
  });

  test('disconnects during a call: nothing ends, because only the caller can cancel, by a signature', async () => {
    const connection = await connect(dev1);
    const begun = new Promise((resolve) => probeCalls.once('wait', resolve));
    relay.behave({
      forward: (target, request) => {
        void collect(target, request).catch(() => undefined);
        return begun.then(() => Promise.reject(new Problem('no-response', 'hung up')));
      },
    });
    const ended = call(connection, { action: 'wait', input: {} }, 2000);
    await begun;
    relay.behave({});
    waiting.shift()?.();
    assert.equal((await ended).outcome, 'ok');
  });

  test('asks for the result of a call that it only carried: refused, because the caller did not sign the question', async () => {
    const { credentials } = await fleet.node('evil4.devco.net', { relay: true });
    const result = { requestId: 'c'.repeat(32), try: 1, requestDigest: Buffer.alloc(32) };
    const [reply] = await inject(nodes[0], { query: signQuery(dev1, { result }, credentials, Date.now()) });
    assert.equal(reply?.turnAway?.code, 'wrong-kind');
  });

  test('delivers a question that was signed for another node, or long ago: refused', async () => {
    const content = { describe: describeRequest };
    const elsewhere = signQuery(dev2, content, rip.credentials, Date.now());
    const old = signQuery(dev1, content, rip.credentials, Date.now() - 10 * 60_000);
    for (const [query, code] of [
      [elsewhere, 'wrong-target'],
      [old, 'expired-request'],
    ] as const) {
      const [reply] = await inject(nodes[0], { query });
      assert.equal(reply?.turnAway?.code, code);
    }
  });
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}
