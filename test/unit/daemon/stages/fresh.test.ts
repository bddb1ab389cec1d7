import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { okReply } from '../../../../src/core/request/reply.ts';
import { startCallMemory } from '../../../../src/daemon/calls/call-memory.ts';
import { answer } from '../../../../src/daemon/incoming-call.ts';
import { fresh } from '../../../../src/daemon/stages/replay.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

const minute = 60_000;
const grace = 30_000;
const sent = 1_000_000_000;

/** The stage with its own clock; `done` counts what it let through. */
function startFresh({ completeSince = 0, allowed = grace } = {}) {
  const clock = { now: sent };
  const memory = startCallMemory({ records: [], completeSince }, () => clock.now);
  let done = 0;
  const handle = fresh(
    memory,
    allowed,
    () => clock.now,
  )(async () => {
    done++;
    return answer(okReply({}));
  });
  type Changes = Parameters<typeof incomingCall>[0];
  const problemOf = async (call: Changes = {}) => {
    const { content } = await handle(incomingCall({ issuedAt: sent, timeToLive: minute, ...call }));
    return [content.code, content.message, content.hint];
  };
  const codeOf = async (call: Changes = {}) => (await problemOf(call))[0];
  return { clock, problemOf, codeOf, done: () => done };
}

describe('the stage that accepts only fresh requests', () => {
  test('refuses the same request again as long as it is valid', async () => {
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

  test('accepts a time to live of five minutes, and no longer one', async () => {
    const { codeOf } = startFresh();
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 1), timeToLive: 5 * minute }), '');
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 2), timeToLive: 5 * minute + 1 }), 'bad-time');
  });

  test('reports by how much the clocks differ, and how long a request may live', async () => {
    const { problemOf } = startFresh();
    const clock = '1970-01-12T13:46:40.000Z';
    const off = minute + grace + 12_340;
    assert.deepEqual(await problemOf({ issuedAt: sent - off }), [
      'expired-request',
      `the request is too old: the caller's clock says 1970-01-12T13:44:57.660Z, this node's ${clock}, 102.3 s apart`,
      'set the clocks (NTP) and call again',
    ]);
    assert.deepEqual(await problemOf({ issuedAt: sent + off }), [
      'clock-skew',
      `the caller's clock says 1970-01-12T13:48:22.340Z, this node's ${clock}: 102.3 s apart`,
      'set the clocks (NTP)',
    ]);
    const [, words] = await problemOf({ timeToLive: 5 * minute + 1000 });
    assert.equal(words, 'a request may live 300 s, this one asks for 301 s');
  });

  test('reports a time that no calendar has as a plain number', async () => {
    const { problemOf } = startFresh();
    const last = 8.64e15;
    assert.match((await problemOf({ issuedAt: last }))[1] ?? '', /says \+275760-09-13T00:00:00\.000Z,/);
    assert.match((await problemOf({ issuedAt: last + 1 }))[1] ?? '', /says 8640000000000001,/);
  });

  test('refuses requests that may have arrived before its memory begins', async () => {
    const { codeOf, problemOf, done } = startFresh({ completeSince: sent - 10_000 });
    const issued = sent - 10_000 + grace;
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 1), issuedAt: issued }), '');
    assert.equal(await codeOf({ nonce: Buffer.alloc(16, 2), issuedAt: issued - 1 }), 'unproven-fresh');
    assert.equal((await problemOf({ issuedAt: issued - 1 }))[2], 'send it again in 30 s', 'when the grace has passed');
    assert.equal(done(), 1);
    const longer = startFresh({ completeSince: sent, allowed: 30_001 });
    assert.equal((await longer.problemOf({ issuedAt: sent }))[2], 'send it again in 31 s', 'rounded up');
  });
});
