import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditRecord } from '../../../../src/core/audit/record.ts';
import { requestCodec } from '../../../../src/core/wire/codec.ts';
import { startCallMemory } from '../../../../src/daemon/calls/call-memory.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

const now = 1_000_000_000;
const minute = 60_000;
const rip = 'cert=rip@devco.net';
const id = 'a'.repeat(32);
const under = { requestId: id, runId: 'r', lease: 'app/bravo' };

function intent(
  sequence: number,
  { ago = 0, ...changes }: Record<string, unknown> & { ago?: number } = {},
): AuditRecord {
  const { request } = incomingCall({ ...under, nonce: Buffer.alloc(16, sequence) }).opened;
  return {
    kind: 'intent',
    sequence,
    time: new Date(now - ago).toISOString(),
    request_id: id,
    try: 1,
    caller: rip,
    verdict: 'verified',
    request: requestCodec.encode(request).toString('base64'),
    ...changes,
  } as unknown as AuditRecord;
}

function outcome(sequence: number, of: number, changes: object = {}): AuditRecord {
  const said = { outcome: 'ok', status: 0, code: '', message: 'done' };
  const time = new Date(now).toISOString();
  return { kind: 'outcome', sequence, time, intent: of, ...said, ...changes } as unknown as AuditRecord;
}

const recall = (...records: AuditRecord[]) => startCallMemory({ records, completeSince: 0 }, () => now);
const found = (...records: AuditRecord[]) => {
  const { state, content } = recall(...records).find(rip, id, 1);
  return [state, content?.outcome, content?.code];
};

describe('the memory of calls after a restart', () => {
  test('has the outcome of each, without its data', () => {
    const failed = { outcome: 'failed', status: 1, code: 'timeout', message: 'too late' };
    assert.deepEqual(recall(intent(1), outcome(2, 1, failed)).find(rip, id, 1), {
      state: 'REPLIED',
      content: { ...failed, hint: '', data: {} },
    });
  });

  test('marks a call without an outcome as interrupted', () => {
    assert.deepEqual(found(intent(1)), ['REPLIED', 'failed', 'interrupted']);
    assert.deepEqual(found(intent(1), outcome(3, 2)), ['REPLIED', 'failed', 'interrupted'], 'the outcome of another');
  });

  test('has the first outcome, even if a repetition was refused as a replay or interrupted', () => {
    const replayed = { outcome: 'refused', code: 'replayed' };
    assert.deepEqual(found(intent(1), outcome(2, 1), intent(3), outcome(4, 3, replayed)), ['REPLIED', 'ok', '']);
    assert.deepEqual(found(intent(1), outcome(2, 1), intent(3)), ['REPLIED', 'ok', '']);
  });

  test('reaches back half an hour, the first millisecond included', () => {
    assert.deepEqual(found(intent(1, { ago: 30 * minute })), ['REPLIED', 'failed', 'interrupted']);
    assert.deepEqual(found(intent(1, { ago: 30 * minute + 1 })), ['UNKNOWN', undefined, undefined]);
    assert.equal(recall(intent(1, { ago: 30 * minute + 1 })).hasNonce(Buffer.alloc(16, 1)), false);
  });

  test('ignores requests that were not proven or cannot be read, and other records, and reads those after them', () => {
    for (const bad of [
      intent(1, { verdict: 'bad-signature' }),
      intent(1, { request: 'AAAA' }),
      intent(1, { request: '' }),
      intent(1, { kind: 'ended' }),
    ]) {
      assert.deepEqual(found(bad), ['UNKNOWN', undefined, undefined]);
      assert.deepEqual(found(bad, outcome(2, 1)), ['UNKNOWN', undefined, undefined]);
      assert.deepEqual(found(bad, intent(3), outcome(4, 3)), ['REPLIED', 'ok', '']);
    }
  });

  test('has the nonces of all requests, for half an hour', () => {
    const clock = { now };
    const records = [intent(1), outcome(2, 1), intent(3)];
    const memory = startCallMemory({ records, completeSince: 0 }, () => clock.now);
    for (const time of [now, now + 30 * minute]) {
      clock.now = time;
      assert.deepEqual(
        [1, 2, 3].map((byte) => memory.hasNonce(Buffer.alloc(16, byte))),
        [true, false, true],
      );
    }
    clock.now++;
    assert.equal(memory.hasNonce(Buffer.alloc(16, 1)), false);
  });

  test('has the changes of an operator in a run, for another who takes it over', async () => {
    const memory = recall(intent(1), outcome(2, 1));
    const given = await memory.outcomeInSameRun(incomingCall({ ...under, caller: 'cert=eve@devco.net' }));
    assert.deepEqual([given?.content.outcome, given?.recorded], ['ok', true]);
    assert.equal(memory.outcomeInSameRun(incomingCall(under)), undefined);
  });
});
