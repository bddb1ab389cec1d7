import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AgentEntry } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { refusal } from '../../../../src/core/request/reply.ts';
import { sealRequest } from '../../../../src/core/request/request.ts';
import type { SignedRequest } from '../../../../src/core/wire/messages.ts';
import { startCallerLimiter } from '../../../../src/daemon/calls/caller-limits.ts';
import { defineTurnAway } from '../../../../src/daemon/calls/turn-away.ts';
import { answer, type IncomingCall } from '../../../../src/daemon/incoming-call.ts';
import { probeAgent } from '../../../support/agents/probe-agent.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { orderFor } from '../../../support/node/node.ts';

let fleet: Fleet;
let rip: Member;
let eve: Member;
before(async () => {
  fleet = await makeFleet();
  [rip, eve] = await Promise.all([fleet.operator('rip@devco.net'), fleet.operator('eve@devco.net')]);
});
after(() => fleet.remove());

/** The records: notes of strangers, and calls that go through the pipeline. */
function startTurnAway({
  fails = undefined as unknown,
  enter = undefined as (() => never) | undefined,
  agents = (): readonly AgentEntry[] => [probeAgent],
} = {}) {
  const notes: string[] = [];
  const calls: IncomingCall[] = [];
  const clock = { now: Date.now() };
  const limiter = startCallerLimiter({ atOnce: 1, rate: 1, burst: 3 }, () => clock.now);
  const turnAway = defineTurnAway({
    agents,
    tls: () => ({ credentials: eve.credentials, trust: fleet.trust }),
    handle: async (call) => {
      if (fails !== undefined) throw fails;
      calls.push(call);
      return answer(refusal(new Problem('internal', 'x')));
    },
    strangers: { note: (from, reason) => notes.push(`${from}: ${reason}`), count: () => 0 },
    callerLimiter: enter === undefined ? limiter : { enter },
    now: () => clock.now,
  });
  return { turnAway, notes, calls, clock };
}

const revoked = new Problem('revoked-certificate', 'it was revoked');
const busy = new Problem('busy', 'too many calls run');
const callOf = (by: Member): SignedRequest => sealRequest(orderFor('dev2.devco.net'), by.credentials, Date.now());

describe('a refused caller', () => {
  test('is recorded as nobody without a certificate', async () => {
    const { turnAway, notes, calls } = startTurnAway();
    await turnAway(undefined, revoked, callOf(rip));
    assert.deepEqual([notes, calls], [['nobody: it was revoked'], []]);
  });

  test('is recorded by name without a call, or with an unreadable one', async () => {
    const { turnAway, notes, calls } = startTurnAway();
    await turnAway(rip.identity, revoked);
    await turnAway(rip.identity, revoked, { ...callOf(rip), request: Buffer.from('x') });
    assert.deepEqual([notes, calls], [Array(2).fill('cert=rip@devco.net: it was revoked'), []]);
  });

  test('has its call recorded under its own name, no matter who signed it', async () => {
    const { turnAway, notes, calls } = startTurnAway();
    await turnAway(rip.identity, revoked, callOf(eve));
    assert.equal(notes.length, 0);
    assert.deepEqual(
      calls.map(({ caller, peer, verification, headCheck, entry, gone }) => [
        caller,
        peer.name,
        'problem' in verification && verification.problem,
        headCheck,
        entry?.ddl.name,
        gone.aborted,
      ]),
      [['cert=rip@devco.net', 'rip@devco.net', revoked, 'UNCHECKED', 'probe', false]],
    );
  });

  test('is recorded each time at a slow rate, and otherwise every ten seconds with a count', async () => {
    const { turnAway, calls, clock } = startTurnAway();
    for (let time = 0; time < 9; time++) await turnAway(rip.identity, revoked, callOf(rip));
    assert.equal(calls.length, 4, 'three at once, and the first of the others');
    clock.now += 10_000;
    for (let time = 0; time < 4; time++) await turnAway(rip.identity, revoked, callOf(rip));
    const said = calls.map(({ verification }) => ('problem' in verification ? verification.problem.message : ''));
    assert.equal(said.length, 8);
    assert.match(said[7] ?? '', /^it was revoked \(and 5 more since /);
  });

  test('is recorded as often without a call, by name', async () => {
    const { turnAway, notes } = startTurnAway();
    for (let time = 0; time < 9; time++) await turnAway(rip.identity, revoked);
    assert.equal(notes.length, 4);
  });

  test('counts by the size of its requests', async () => {
    const { turnAway, calls } = startTurnAway();
    const large = { ...callOf(rip), request: Buffer.alloc(2 * 16 * 1024) };
    await turnAway(rip.identity, revoked, large);
    for (const _ of [1, 2]) await turnAway(rip.identity, revoked, callOf(rip));
    assert.equal(calls.length, 1, 'the large one cannot be read, the second is the first that comes too fast');
  });

  test('is recorded for a limit the first time in ten seconds', async () => {
    for (const problem of [busy, new Problem('rate-limited', 'too fast')]) {
      const { turnAway, calls, clock } = startTurnAway();
      for (let time = 0; time < 3; time++) await turnAway(rip.identity, problem, callOf(rip));
      assert.equal(calls.length, 1, problem.code);
      clock.now += 9_999;
      await turnAway(rip.identity, problem, callOf(rip));
      assert.equal(calls.length, 1);
      clock.now += 1;
      await turnAway(rip.identity, problem, callOf(rip));
      assert.equal(calls.length, 2);
    }
  });

  test('causes an error if a bug caused the refusal', async () => {
    const bug = new TypeError('a bug');
    await assert.rejects(startTurnAway({ fails: bug }).turnAway(rip.identity, revoked, callOf(rip)), bug);
    const enter = () => {
      throw bug;
    };
    await assert.rejects(startTurnAway({ enter }).turnAway(rip.identity, revoked, callOf(rip)), bug);
    await assert.rejects(startTurnAway({ agents: enter }).turnAway(rip.identity, revoked, callOf(rip)), bug);
  });
});
