import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer } from '../../../../src/daemon/call.ts';
import { startCallMemory } from '../../../../src/daemon/calls/call-memory.ts';
import { fresh } from '../../../../src/daemon/stages/once.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

const minute = 60_000;
const grace = 30_000;
const sent = 1_000_000_000;

/** The stage with a clock of its own; `done` counts what it let through. */
function startFresh({ completeSince = 0 } = {}) {
  const clock = { now: sent };
  const memory = startCallMemory({ records: [], completeSince }, () => clock.now);
  let done = 0;
  const handle = fresh(
    memory,
    grace,
    () => clock.now,
  )(async () => {
    done++;
    return answer(okReply({}));
  });
  const codeOf = async (call: Parameters<typeof incomingCall>[0] = {}) =>
    (await handle(incomingCall({ issuedAt: sent, timeToLive: minute, ...call }))).content.code;
  return { clock, codeOf, done: () => done };
}

describe('the stage that lets only fresh requests through', () => {
  test('refuses the same request again for as long as its time would let it through', async () => {
    const { clock, codeOf, done } = startFresh();
    const nonce = Buffer.alloc(16, 1);
    assert.equal(await codeOf({ nonce }), '');
    for (const later of [0, 1, minute, minute + 1, minute + grace]) {
      clock.now = sent + later;
      assert.equal(await codeOf({ nonce }), 'replayed', `${later} ms later`);
    }
    clock.now = sent + minute + grace + 1;
    assert.equal(await codeOf({ nonce }), 'expired-request');
    assert.equal(done(), 1);
  });

  test('accepts a clock that is off by the grace, and not by a millisecond more', async () => {
    const { codeOf } = startFresh();
    const nonceOf = (byte: number) => Buffer.alloc(16, byte);
    assert.equal(await codeOf({ nonce: nonceOf(1), issuedAt: sent + grace }), '');
    assert.equal(await codeOf({ nonce: nonceOf(2), issuedAt: sent + grace + 1 }), 'clock-skew');
    assert.equal(await codeOf({ nonce: nonceOf(3), issuedAt: sent - minute - grace }), '');
    assert.equal(await codeOf({ nonce: nonceOf(4), issuedAt: sent - minute - grace - 1 }), 'expired-request');
  });

  test('accepts a time to live of five minutes, and none longer', async () => {
    const { codeOf } = startFresh();
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 1), timeToLive: 5 * minute }), '');
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 2), timeToLive: 5 * minute + 1 }), 'bad-time');
  });

  test('refuses what may have been received before the time that its memory reaches back to', async () => {
    const { codeOf, done } = startFresh({ completeSince: sent - 10_000 });
    const issued = sent - 10_000 + grace;
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 1), issuedAt: issued }), '');
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 2), issuedAt: issued - 1 }), 'unproven-fresh');
    assert.equal(done(), 1);
  });
});
