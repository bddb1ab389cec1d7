import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { AuditRecord } from '../../../../src/core/audit/record.ts';
import { requestCodec } from '../../../../src/core/wire/codec.ts';
import { startCallMemory } from '../../../../src/daemon/calls/call-memory.ts';
import { fillFromLog, forget, noCalls } from '../../../../src/daemon/calls/remembered-calls.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { intent, outcome } from '../../../support/node/audit-lines.ts';

const halfHour = 30 * 60_000;
const now = Date.UTC(2026, 0, 1);
const caller = 'cert=rip@devco.net';

describe('the memory of a daemon from its audit log', () => {
  let fleet: Fleet;
  let rip: Member;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
  });
  after(() => fleet.remove());

  const record = (sequence: number, event: object, at = now) =>
    ({ v: 1, sequence, time: new Date(at).toISOString(), node: 'dev2', previous: '', ...event }) as AuditRecord;
  /** The record of a call, with its identifier and its nonce. */
  const called = (sequence: number, change: object = {}, at = now) => {
    const event = intent(rip, 'a', change) as { request_id: string; request: string };
    const { nonce } = requestCodec.decode(Buffer.from(event.request, 'base64'));
    return { record: record(sequence, event, at), id: event.request_id, nonce };
  };
  const memoryOf = (...records: AuditRecord[]) => startCallMemory({ records, completeSince: 0 }, () => now);

  test('has the outcome of each call, and marks one without an outcome as interrupted', () => {
    const [first, second] = [called(1), called(2)];
    const ended = record(3, outcome(1, { outcome: 'failed', status: 1, code: 'timeout', message: 'late' }));
    const memory = memoryOf(first.record, second.record, ended);
    assert.deepEqual(memory.find(caller, first.id, 1), {
      state: 'REPLIED',
      content: { outcome: 'failed', status: 1, code: 'timeout', message: 'late', hint: '', data: {} },
    });
    const { state, content } = memory.find(caller, second.id, 1);
    assert.deepEqual([state, content?.outcome, content?.code], ['REPLIED', 'failed', 'interrupted']);
    for (const [who, id, attempt] of [
      ['cert=sue@devco.net', first.id, 1],
      [caller, first.id, 2],
      [caller, 'f'.repeat(32), 1],
    ] as const) {
      assert.equal(memory.find(who, id, attempt).state, 'UNKNOWN');
    }
  });

  test('has the received requests, so that none is served again', () => {
    const { record: one, nonce } = called(1);
    const memory = memoryOf(one);
    assert.deepEqual([memory.hasNonce(nonce), memory.registerNonce(nonce, now + 1)], [true, false]);
    assert.deepEqual(
      [memory.hasNonce(Buffer.alloc(16)), memory.registerNonce(Buffer.alloc(16), now + 1)],
      [false, true],
    );
  });

  test('ignores a request without a proven caller, or that cannot be read', () => {
    const refused = called(1, { verdict: 'bad-signature' });
    const second = called(2);
    const unreadable = { ...second, record: { ...second.record, request: 'AAAA' } as AuditRecord };
    const memory = memoryOf(refused.record, record(3, outcome(1)), unreadable.record, record(4, outcome(2)));
    assert.equal(memory.hasNonce(refused.nonce), false);
    for (const { id } of [refused, unreadable]) assert.equal(memory.find(caller, id, 1).state, 'UNKNOWN');
  });

  test('covers half an hour, to the millisecond', () => {
    const [early, last] = [called(1, {}, now - halfHour - 1), called(2, {}, now - halfHour)];
    const memory = memoryOf(early.record, last.record);
    assert.deepEqual([memory.hasNonce(early.nonce), memory.hasNonce(last.nonce)], [false, true]);
    const late = memoryOf(called(1, {}, now - halfHour - 1).record, record(2, outcome(1)));
    assert.equal(late.find(caller, early.id, 1).state, 'UNKNOWN');
  });

  test('has the outcome of the call, and not that of its replay or of another record', () => {
    const first = called(1);
    const again = record(2, { ...first.record, sequence: 2 });
    const replayed = record(4, outcome(2, { outcome: 'refused', status: 5, code: 'replayed' }));
    const memory = memoryOf(first.record, record(3, outcome(1)), again, replayed);
    const { content } = memory.find(caller, first.id, 1);
    assert.deepEqual([content?.outcome, content?.code], ['ok', '']);
    const other = memoryOf(first.record, record(2, { ...outcome(1), kind: 'served' }), record(3, outcome(7)));
    assert.equal(other.find(caller, first.id, 1).content?.code, 'interrupted');
  });

  test('removes a request that has expired, after its last millisecond', () => {
    const remembered = noCalls();
    const [first, last] = [now + 1000, now + 1001];
    remembered.nonces.set('a', first).set('b', last);
    forget(remembered, first);
    assert.deepEqual([...remembered.nonces.keys()], ['a', 'b']);
    forget(remembered, first + 1000);
    assert.deepEqual([...remembered.nonces.keys()], []);
  });

  test('fills its tables with what was known then', () => {
    const remembered = noCalls();
    const { record: one, nonce } = called(1);
    fillFromLog(remembered, [one], now);
    assert.deepEqual([...remembered.nonces], [[nonce.toString('base64'), now + halfHour]]);
    assert.deepEqual([remembered.calls.size, remembered.runs.size, remembered.latest.size], [1, 0, 0]);
  });
});
