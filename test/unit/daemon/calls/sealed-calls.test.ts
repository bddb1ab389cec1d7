import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';

import { Problem } from '../../../../src/core/errors.ts';
import type { NodeService } from '../../../../src/core/ports.ts';
import { openQueryReply, type QueryContent, signQuery } from '../../../../src/core/request/query.ts';
import { type CallOptions, newId, openRequest, sealRequest } from '../../../../src/core/request/request.ts';
import { makeKeyPair } from '../../../../src/core/sealed/encryption-key.ts';
import { sealTo } from '../../../../src/core/sealed/exchange.ts';
import { encryptionKeyCodec } from '../../../../src/core/wire/codec.ts';
import type { CallReference, Envelope, SealedEvent, SignedReply } from '../../../../src/core/wire/messages.ts';
import { startCallMemory } from '../../../../src/daemon/calls/call-memory.ts';
import { type CallerLimits, startCallerLimiter } from '../../../../src/daemon/calls/caller-limits.ts';
import type { JudgedRequest } from '../../../../src/daemon/incoming-call.ts';
import { defineSealedCalls } from '../../../../src/daemon/calls/sealed-calls.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { orderFor } from '../../../support/node/node.ts';

const node = 'dev2.devco.net';
const grace = 30_000;
const now = Date.now();

let fleet: Fleet;
let rip: Member;
let eve: Member;
let dev2: Member;
let other: Member;
let relay: Member;
before(async () => {
  fleet = await makeFleet();
  [rip, eve] = await Promise.all([fleet.operator('rip@devco.net'), fleet.operator('eve@devco.net')]);
  [dev2, other, relay] = await Promise.all([fleet.node(node), fleet.node(node), fleet.node('lb1.devco.net')]);
});
after(() => fleet.remove());

type Call = NodeService['call'];
interface Options {
  readonly limits?: CallerLimits;
  readonly call?: Call;
  /** Sees each request as it was judged. */
  readonly onServe?: (judged: JudgedRequest) => void;
  readonly artifacts?: NodeService['artifacts'];
  readonly congested?: boolean;
}

const signedReply: SignedReply = { reply: Buffer.from('r'), signature: Buffer.from('s'), chain: [] };

/** Requests that come over a relay to a node whose service records them. */
function startSealed({
  limits = { atOnce: 9, rate: 1, burst: 99 },
  call,
  onServe = () => {},
  artifacts,
  congested = false,
}: Options = {}) {
  const [keyPair, own] = [makeKeyPair(), makeKeyPair()];
  const clock = { now };
  const entered: (readonly [string, number])[] = [];
  const steps: string[] = [];
  const tls = { credentials: dev2.credentials, trust: fleet.trust };
  const limiter = startCallerLimiter(limits, () => clock.now);
  const memory = startCallMemory({ records: [], completeSince: 0 }, () => clock.now);
  const calls = defineSealedCalls({
    identity: node,
    keyPair,
    tls: () => ({ ...tls }),
    serve: (judged, ...rest) => {
      onServe(judged);
      return call === undefined ? Promise.resolve(signedReply) : call(judged.opened.signed, ...rest);
    },
    service: {
      describe: async (_request, caller) => ({ identity: `for ${caller.name}` }) as never,
      turnAway: async (peer, problem, request) => {
        // As long as a record takes: the refusal is answered after it.
        await new Promise((resolve) => setImmediate(resolve));
        steps.push(`turned away ${peer?.name} ${problem.code} ${request === undefined ? 'nothing' : 'a call'}`);
      },
      ...(artifacts === undefined ? {} : { artifacts }),
    },
    memory,
    limiter: {
      enter: (caller, bytes) => {
        entered.push([caller, bytes]);
        return limiter.enter(caller, bytes);
      },
    },
    grace,
    resultOf: (caller, reference) => {
      steps.push(`result of ${reference.requestId} for ${caller}`);
      return { state: 'RUNNING' };
    },
    now: () => clock.now,
  });
  /** Sends an envelope and opens all that comes back. */
  const send = async (envelope: Envelope) => {
    const exchange = sealTo(node, keyPair.publicKey, own, envelope);
    const events: SealedEvent[] = [];
    const sink = { send: (event: SealedEvent) => events.push(event), isCongested: () => congested };
    await calls.sealed(exchange.request, relay.identity, sink);
    assert.deepEqual(
      events.map(({ last }) => last),
      events.map((_, index) => index === events.length - 1),
      'the last part is marked, and no other',
    );
    return events.map(exchange.open);
  };
  const codesOf = async (envelope: Envelope) => (await send(envelope)).map(({ turnAway }) => turnAway?.code ?? '');
  return { ...calls, send, codesOf, memory, clock, entered, steps, tls };
}

const callOf = (changes: Partial<CallOptions> = {}, by = rip, at = now) =>
  sealRequest(orderFor(node, changes), by.credentials, at);
const queryOf = (content: QueryContent, by = rip, { target = node, at = now } = {}) =>
  signQuery(target, content, by.credentials, at);
const forged = <T extends { signature: Buffer }>(signed: T): T => ({ ...signed, signature: Buffer.from('no') });

describe('the key that requests are sealed to', () => {
  test('is signed once, and again when the node’s certificate has changed', () => {
    const { key, tls, clock } = startSealed();
    const first = key();
    clock.now += 5000;
    assert.equal(key(), first);
    tls.credentials = other.credentials;
    const second = key();
    assert.deepEqual([first.chain, second.chain], [[dev2.certificate.raw], [other.certificate.raw]]);
    assert.deepEqual(encryptionKeyCodec.decode(second.key), encryptionKeyCodec.decode(first.key));
    assert.equal(encryptionKeyCodec.decode(first.key).createdAt, now);
  });
});

describe('a sealed request', () => {
  test('is refused if empty, and counts as a fault of the relay if it is for another key', async () => {
    const { codesOf, sealed } = startSealed();
    assert.deepEqual(await codesOf({}), ['malformed-message']);
    const pair = makeKeyPair();
    const { request } = sealTo(node, pair.publicKey, pair, {});
    const sink = { send: () => assert.fail('nothing is sent'), isCongested: () => false };
    await assert.rejects(sealed(request, relay.identity, sink), { code: 'unknown-key' });
  });

  test('gets no reply if it meets a bug', async () => {
    const bug = new TypeError('a bug');
    const { send } = startSealed({ call: async () => Promise.reject(bug) });
    await assert.rejects(send({ call: callOf() }), bug);
  });
});

describe('a call over a relay', () => {
  test('is passed on as it was signed, with the relay that delivered it, and its reply is sealed', async () => {
    const seen: unknown[] = [];
    const { send, entered } = startSealed({
      call: async (signed, peer, _progress, signal) => {
        seen.push([signed.request, signed.chain, peer.name, signal.aborted]);
        return signedReply;
      },
    });
    const call = callOf();
    const [reply, ...more] = await send({ call });
    assert.deepEqual([reply?.reply, more], [signedReply, []]);
    assert.deepEqual(seen, [[call.request, call.chain, 'lb1.devco.net', false]]);
    assert.deepEqual(entered, [['cert=rip@devco.net', call.request.length]]);
  });

  test('is served with the proof of its caller by which it was charged, or with the reason that there is none', async () => {
    const proofs: string[] = [];
    const onServe = ({ verification }: JudgedRequest) => {
      proofs.push('caller' in verification ? verification.caller.identity.name : verification.problem.code);
    };
    const { send, tls } = startSealed({ onServe });
    const isRevoked = mock.fn(tls.trust.isRevoked);
    tls.trust = { ...tls.trust, isRevoked };
    await send({ call: callOf() });
    const asked = isRevoked.mock.callCount();
    await send({ call: forged(callOf()) });
    await send({ call: callOf({}, dev2) });
    assert.deepEqual(proofs, ['rip@devco.net', 'bad-signature', 'wrong-kind']);
    assert.ok(asked >= 1, 'the revocation lists of this moment decide');
  });

  test('has its progress sealed with its time, cut to 2048 characters, and omitted for a reader that is too slow', async () => {
    const call: Call = async (_signed, _peer, progress) => {
      progress('x'.repeat(2049));
      return signedReply;
    };
    const parts = await startSealed({ call }).send({ call: callOf() });
    assert.deepEqual(
      parts.map(({ progress }) => progress ?? undefined),
      [{ at: now, message: 'x'.repeat(2048) }, undefined],
    );
    assert.equal((await startSealed({ call, congested: true }).send({ call: callOf() })).length, 1);
  });

  test('counts against its signer, and against the relay if the signer is not proven, the time or node is wrong, or it is repeated', async () => {
    const [forRip, forRelay] = ['cert=rip@devco.net', 'node=lb1.devco.net'];
    for (const [what, call, payer] of [
      ['proven', callOf(), forRip],
      ['within the grace', callOf({}, rip, now + grace), forRip],
      ['forged', forged(callOf()), forRelay],
      ['of a node', callOf({}, dev2), forRelay],
      ['for another node', callOf({ target: 'dev4.devco.net' }), forRelay],
      ['too old', callOf({}, rip, now - 60_000 - grace - 1), forRelay],
      ['from the future', callOf({}, rip, now + grace + 1), forRelay],
    ] as const) {
      const { send, entered } = startSealed();
      await send({ call });
      assert.deepEqual(
        entered.map(([caller]) => caller),
        [payer],
        what,
      );
    }
    const { send, entered, memory } = startSealed();
    const call = callOf();
    // The pipeline does this with a request that is served.
    const { nonce } = openRequest(call).request;
    memory.registerNonce(nonce, now + 1000);
    await send({ call });
    assert.deepEqual(
      entered.map(([caller]) => caller),
      [forRelay],
      'received before',
    );
  });

  test('counts once against its caller when the relay delivers it several times at once, until it is too old', async () => {
    const { send, entered, clock } = startSealed({
      call: () => new Promise((resolve) => setImmediate(resolve, signedReply)),
    });
    const call = callOf();
    await Promise.all([send({ call }), send({ call }), send({ call })]);
    await send({ call });
    const payers = () => entered.splice(0).map(([caller]) => caller);
    assert.deepEqual(payers(), ['cert=rip@devco.net', ...Array.from({ length: 3 }, () => 'node=lb1.devco.net')]);
    // Those that are too old are forgotten, and no others.
    clock.now = now + 60_000 + grace;
    const other = callOf({}, rip, clock.now);
    await send({ call: other });
    await send({ call });
    await send({ call: other });
    clock.now += 2000;
    await send({ call: callOf({}, rip, clock.now) });
    await send({ call: other });
    assert.deepEqual(payers(), [
      'cert=rip@devco.net',
      'node=lb1.devco.net',
      'node=lb1.devco.net',
      'cert=rip@devco.net',
      'node=lb1.devco.net',
    ]);
  });

  test('frees its slot when it ends, and one beyond the limit is refused and recorded with its request', async () => {
    const { codesOf, steps } = startSealed({
      limits: { atOnce: 1, rate: 1, burst: 3 },
      call: async () => {
        throw new Problem('internal', 'it failed');
      },
    });
    const codes = [];
    for (const _ of [1, 2, 3, 4]) codes.push(...(await codesOf({ call: callOf() })));
    assert.deepEqual(codes, ['internal', 'internal', 'internal', 'rate-limited']);
    assert.deepEqual(steps, ['turned away lb1.devco.net rate-limited a call']);
  });

  test('can be ended only by a signed query of its caller, and only while it runs', async () => {
    const signals: AbortSignal[] = [];
    const ends: (() => void)[] = [];
    const { send } = startSealed({
      call: (_signed, _peer, _progress, signal) => {
        signals.push(signal);
        return new Promise((resolve) => {
          ends.push(() => resolve(signedReply));
        });
      },
    });
    const requestId = newId();
    const cancel: CallReference = { requestId, try: 1, requestDigest: Buffer.alloc(32) };
    const running = [1, 2].map(() => send({ call: callOf({ requestId }) }));
    const next = send({ call: callOf({ requestId, try: 2 }) });
    const aborted = () => signals.map((signal) => signal.aborted);
    await send({ query: queryOf({ cancel }, eve) });
    await send({ query: queryOf({ cancel: { ...cancel, requestId: newId() } }) });
    assert.deepEqual(aborted(), [false, false, false]);
    ends[0]?.();
    await running[0];
    await send({ query: queryOf({ cancel }) });
    assert.deepEqual(aborted(), [false, true, false], 'the one that runs, which was sent again');
    ends[2]?.();
    await next;
    await send({ query: queryOf({ cancel: { ...cancel, try: 2 } }) });
    assert.deepEqual(aborted(), [false, true, false], 'what has ended is not ended again');
    ends[1]?.();
    await running[1];
  });
});

describe('a query over a relay', () => {
  const reference = { requestId: 'a'.repeat(32), try: 1, requestDigest: Buffer.alloc(32) };

  test('gets a reply signed by the node, and counts against its signer by its size', async () => {
    const { send, entered, steps } = startSealed();
    const query = queryOf({ describe: { filter: null, facts: [], full: false, peers: false }, result: reference });
    const [part, ...more] = await send({ query });
    assert.ok(part?.answer && more.length === 0);
    const { description, result } = openQueryReply(part.answer, query.query, node, fleet.trust, now);
    assert.deepEqual([description?.identity, result?.state], ['for rip@devco.net', 'RUNNING']);
    assert.deepEqual(steps, [`result of ${reference.requestId} for cert=rip@devco.net`]);
    assert.deepEqual(entered, [['cert=rip@devco.net', query.query.length]]);
  });

  test('stores a part of an artifact if the node keeps some, which counts as one call of any size', async () => {
    const store = { ticket: Buffer.from('t'), chunk: { index: 1, bytes: Buffer.alloc(40_000) } } as never;
    const stored: unknown[] = [];
    const holder = {
      store: async (request: { ticket: Buffer }, { name }: { name: string }) => {
        stored.push([String(request.ticket), name]);
        return { missing: 3 };
      },
    };
    const keeps = startSealed({ artifacts: () => holder as never });
    const query = queryOf({ store });
    const [part] = await keeps.send({ query });
    assert.ok(part?.answer);
    assert.equal(openQueryReply(part.answer, query.query, node, fleet.trust, now).store?.missing, 3);
    assert.deepEqual([stored, keeps.entered], [[['t', 'rip@devco.net']], [['cert=rip@devco.net', 0]]]);
    for (const artifacts of [undefined, () => undefined]) {
      const { codesOf } = startSealed(artifacts === undefined ? {} : { artifacts });
      assert.deepEqual(await codesOf({ query: queryOf({ store }) }), ['not-publishing']);
    }
  });

  test('is refused if it is forged, for another node, expired, or repeated, and counts against the relay', async () => {
    const once = queryOf({ result: reference });
    for (const [query, code] of [
      [forged(queryOf({ result: reference })), 'bad-signature'],
      [queryOf({ result: reference }, rip, { target: 'dev4.devco.net' }), 'wrong-target'],
      [queryOf({ result: reference }, rip, { at: now + grace + 1 }), 'clock-skew'],
      [queryOf({ result: reference }, rip, { at: now - 60_000 - grace - 1 }), 'expired-request'],
      [once, 'replayed'],
    ] as const) {
      const { send, codesOf, entered, steps, clock } = startSealed();
      if (code === 'replayed') await send({ query });
      clock.now = code === 'replayed' ? now + 60_000 + grace : now;
      const before = [entered.length, steps.length];
      assert.deepEqual(await codesOf({ query }), [code]);
      assert.deepEqual(entered.slice(before[0]), [['node=lb1.devco.net', 0]], code);
      assert.equal(steps.length, before[1], 'nothing was looked up');
    }
  });

  test('frees its slot, even if it was refused', async () => {
    const { codesOf } = startSealed({ limits: { atOnce: 1, rate: 1, burst: 2 } });
    const codes = [];
    for (const _ of [1, 2, 3]) codes.push(...(await codesOf({ query: queryOf({ result: reference }) })));
    for (const _ of [1, 2, 3]) codes.push(...(await codesOf({ query: forged(queryOf({}, eve)) })));
    assert.deepEqual(codes, ['', '', 'rate-limited', 'bad-signature', 'bad-signature', 'rate-limited']);
  });
});
