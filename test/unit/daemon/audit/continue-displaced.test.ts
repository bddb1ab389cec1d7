import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DisplacedRecord } from '../../../../src/core/audit/record.ts';
import type { AuditFileWriter } from '../../../../src/daemon/audit/audit-file.ts';
import type { ChainEntry, ChainWriter } from '../../../../src/daemon/audit/chain-writer.ts';
import { guardPath } from '../../../../src/daemon/audit/continue-displaced.ts';
import type { AuditNotes } from '../../../../src/daemon/audit/notes.ts';

const now = Date.UTC(2026, 5, 1);

/** A guard over a log in memory. `done` lists what happened to it, in order; each step may be held or may fail. */
function startGuard({ kept = '' } = {}) {
  const done: unknown[] = [];
  const state: { found: DisplacedRecord['found'] | undefined; fails: string } = { found: undefined, fails: '' };
  const step = async (name: string, what: unknown) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (state.fails === name) throw new Error(name);
    done.push([name, what]);
  };
  const active = {
    displacement: () => state.found,
    beginAgain: async (at: number) => {
      await step('new file', at);
      state.found = undefined;
      return kept;
    },
  } as unknown as AuditFileWriter;
  const chain = {
    write: (entries: readonly ChainEntry[]) => step('record', entries),
    end: () => ({ sequence: 8, hash: 'ab' }),
  } as unknown as ChainWriter;
  const notes = { add: (...what: unknown[]) => step('note', what) } as unknown as AuditNotes;
  const certificate = () => Buffer.from('certificate');
  const guard = guardPath({ file: '/log/audit.jsonl', active, chain, notes, certificate, now: () => now });
  return { guard, state, done };
}

const record = (found: string, kept: string) => {
  const event = { kind: 'displaced', found, kept, certificate: Buffer.from('certificate').toString('base64') };
  return ['record', [{ event, durable: true }]];
};
const note = (what: string) => [
  'note',
  [
    { at: '2026-06-01T00:00:00.000Z', what },
    { sequence: 8, hash: 'ab' },
  ],
];

describe('the guard of the path of an audit log', () => {
  test('does nothing while the path leads to the open file', async () => {
    const { guard, done } = startGuard();
    await guard.check();
    assert.deepEqual(done, []);
  });

  test('begins a file, records durably why, and notes it, each before the next, and only once', async () => {
    const { guard, state, done } = startGuard({ kept: 'audit.jsonl.found-1' });
    state.found = 'replaced';
    await guard.check();
    const words =
      'the audit log /log/audit.jsonl was replaced by another file: it continues in a new file with record 8, what was found is kept as audit.jsonl.found-1';
    const all = [['new file', now], record('replaced', 'audit.jsonl.found-1'), note(words)];
    assert.deepEqual(done, all);
    await guard.check();
    assert.deepEqual(done, all);
  });

  test('names no kept file if there was none', async () => {
    const { guard, state, done } = startGuard();
    state.found = 'missing';
    await guard.check();
    const words = 'the audit log /log/audit.jsonl was moved away or removed: it continues in a new file with record 8';
    assert.deepEqual(done.slice(1), [record('missing', ''), note(words)]);
  });

  test('does the same for a log that was cut while the daemon did not run', async () => {
    const { guard, done } = startGuard();
    await guard.beginAgain('cut');
    assert.deepEqual(done.slice(0, 2), [['new file', now], record('cut', '')]);
    assert.equal(done.length, 3);
  });

  test('lets nothing happen while no file can be begun', async () => {
    const { guard, state, done } = startGuard();
    Object.assign(state, { found: 'missing', fails: 'new file' });
    await assert.rejects(guard.check(), /^Error: new file$/);
    await assert.rejects(guard.beginAgain('cut'), /^Error: new file$/);
    assert.deepEqual(done, []);
  });

  test('writes the record before anything else if that failed the first time', async () => {
    const { guard, state, done } = startGuard({ kept: 'audit.jsonl.found-1' });
    Object.assign(state, { found: 'shortened', fails: 'record' });
    await assert.rejects(guard.check(), /^Error: record$/);
    assert.deepEqual(done, [['new file', now]]);
    await assert.rejects(guard.check(), /^Error: record$/);
    state.fails = '';
    await guard.check();
    assert.deepEqual(done[1], record('shortened', 'audit.jsonl.found-1'));
    assert.equal(done.length, 3, 'one file, one record, one note');
  });
});
