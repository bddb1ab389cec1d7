import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { auditNotesFile, openAuditNotes } from '../../../../src/daemon/audit/notes.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-notes-');
  file = auditNotesFile(join(directory, 'state'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const end = { sequence: 7, hash: 'a'.repeat(64) };
const incident = (what: string) => ({ at: '2026-01-01T00:00:00.000Z', what });
const place = (content: unknown) => {
  mkdirSync(join(directory, 'state'), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
};
const opened = async () => {
  const notes = await openAuditNotes(file);
  return [notes.end(), notes.incidents(), notes.faults().length];
};

describe('the notes of the daemon on its audit log', () => {
  test('outlive it, in a separate directory', async () => {
    const notes = await openAuditNotes(file);
    assert.deepEqual([notes.end(), notes.incidents(), notes.faults()], [undefined, [], []]);
    await notes.keepEnd(end);
    await notes.add(incident('moved'), { ...end, sequence: 8 });
    assert.deepEqual([notes.end(), notes.incidents()], [{ ...end, sequence: 8 }, [incident('moved')]]);
    assert.deepEqual(await opened(), [{ ...end, sequence: 8 }, [incident('moved')], 0]);
    await notes.keepEnd(end);
    assert.deepEqual(await opened(), [end, [incident('moved')], 0], 'what happened stays');
    assert.equal(statSync(join(directory, 'state')).mode & 0o777, 0o700);
    assert.equal(readFileSync(file, 'utf8').at(-1), '\n');
  });

  test('are acknowledged once, and the end of the log stays', async () => {
    const notes = await openAuditNotes(file);
    await notes.add(incident('a'), end);
    await notes.add(incident('b'), end);
    assert.deepEqual([await notes.acknowledge(), await notes.acknowledge()], [2, 0]);
    assert.deepEqual(await opened(), [end, [], 0]);
  });

  test('include the last hundred events', async () => {
    const notes = await openAuditNotes();
    for (let count = 1; count <= 101; count++) await notes.add(incident(String(count)), end);
    assert.deepEqual([notes.incidents().length, notes.incidents()[0]?.what], [100, '2']);
  });

  test('are not kept without a directory', async () => {
    const notes = await openAuditNotes();
    await notes.add(incident('a'), end);
    assert.deepEqual([notes.end(), notes.incidents().length, notes.faults()], [end, 1, []]);
  });

  test('are accepted as far as they have the right form', async () => {
    for (const other of [
      7,
      null,
      [],
      { sequence: 7 },
      { sequence: 7, hash: 'a' },
      { sequence: '7', hash: end.hash },
      { sequence: 7, hash: `${end.hash}a` },
    ]) {
      place({ end: other, incidents: [] });
      assert.deepEqual(await opened(), [undefined, [], 0], JSON.stringify(other));
    }
    place({ end, incidents: [incident('a'), { at: 'x' }, { what: 'x' }, { at: 1, what: 'x' }, null, 'x'] });
    assert.deepEqual(await opened(), [end, [incident('a')], 0]);
    for (const incidents of [undefined, 7, 'x', {}]) {
      place({ end, incidents });
      assert.deepEqual(await opened(), [end, [], 0]);
    }
  });

  test('are reported if they cannot be read or written, until they can', async () => {
    place('{');
    const broken = await openAuditNotes(file);
    assert.match(broken.faults().join(), /audit\.json cannot be read: /);
    assert.deepEqual([broken.end(), broken.incidents()], [undefined, []]);
    await broken.keepEnd(end);
    assert.deepEqual(broken.faults(), []);

    const notes = await openAuditNotes(file);
    rmSync(file);
    mkdirSync(join(file, 'in the way'), { recursive: true });
    await notes.add(incident('a'), { ...end, sequence: 8 });
    assert.match(notes.faults().join(), /audit\.json cannot be written: /);
    assert.deepEqual([notes.end()?.sequence, notes.incidents().length], [8, 1], 'it is known all the same');
    rmSync(file, { recursive: true });
    await notes.keepEnd(end);
    assert.deepEqual([notes.faults(), await opened()], [[], [end, [incident('a')], 0]]);
  });
});
