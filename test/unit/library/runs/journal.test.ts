import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { journalFile, openJournal } from '../../../../src/library/runs/journal.ts';
import { findRun, listJournals, parseJournal, readJournal } from '../../../../src/client/runs/read-journal.ts';
import { isRunning, markProcess } from '../../../../src/core/files/process-mark.ts';
import { openFiles } from '../../../support/faults/open-files.ts';
import type { Problem } from '../../../../src/core/errors.ts';

const run = 'a'.repeat(32);
const other = `aaab${'b'.repeat(28)}`;

describe('the journal of a run on the disk', () => {
  let state: string;
  before(async () => {
    state = await mkdtemp(join(tmpdir(), 'mco-journal-'));
  });
  after(() => rm(state, { recursive: true }));

  test('begins with its operator, and only its owner may read it', async () => {
    const journal = await openJournal(state, run);
    await journal.write({ at: 1, runId: run, type: 'step-started', step: 'x' });
    await journal.close();
    const entries = (await readJournal(state, run, assert.fail)) ?? [];
    assert.deepEqual(
      entries.map(({ type }) => type),
      ['process', 'step-started'],
    );
    const [mark] = entries;
    assert.ok(mark?.type === 'process' && mark.pid === process.pid);
    assert.equal((await stat(journal.file)).mode & 0o777, 0o600);
    assert.equal((await stat(join(state, 'runs'))).mode & 0o777, 0o700);
    await assert.rejects(openJournal(state, run), (problem: Problem) => problem.code === 'journal-failed');
  });

  test('continues after a line that a crash cut off', async () => {
    await appendFile(journalFile(state, run), '{"at":2,"type":"outco');
    assert.equal((await readJournal(state, run, assert.fail))?.length, 2);
    const journal = await openJournal(state, run, true);
    await journal.write({ at: 3, runId: run, type: 'run-resumed', operator: 'rip' });
    await journal.close();
    const warnings: string[] = [];
    const types = (await readJournal(state, run, (warning) => warnings.push(warning)))?.map(({ type }) => type);
    assert.deepEqual(types, ['process', 'step-started', 'process', 'run-resumed']);
    assert.equal(warnings.length, 1);
    assert.match(await readFile(journal.file, 'utf8'), /"outco\n\{/);
  });

  test('is read without a damaged line in the middle, which is reported', async () => {
    const good = '{"at":1,"type":"step-started","step":"x"}\n';
    for (const line of ['{"at":1,"type":"st', '[]', '{"type":"x"}', 'null', '\0\0\0']) {
      const { entries, torn } = parseJournal(`${good}${line}\n${good}`);
      assert.deepEqual([entries.length, torn], [2, [2]], line);
      assert.deepEqual(parseJournal(`${good}${line}`), { entries: entries.slice(0, 1), torn: [] }, line);
    }
    assert.deepEqual(parseJournal(''), { entries: [], torn: [] });
    const damaged = 'd'.repeat(32);
    await writeFile(journalFile(state, damaged), `${good}{"at":\n${good}`);
    const warnings: string[] = [];
    assert.equal((await readJournal(state, damaged, (warning) => warnings.push(warning)))?.length, 2);
    assert.match(warnings.join(), /^warning: line 2 of the journal .* is damaged and was skipped/);
    await rm(journalFile(state, damaged));
  });

  test('still has the whole entry that an older client joined to a partial line', () => {
    const { entries, torn } = parseJournal('{"at":1,"type":"out{"at":2,"type":"run-resumed","operator":"rip"}\n');
    assert.deepEqual(entries, [{ at: 2, type: 'run-resumed', operator: 'rip' }]);
    assert.deepEqual(torn, [1]);
  });

  test('is found by the first characters of its run’s id', async () => {
    await (await openJournal(state, other)).close();
    await writeFile(join(state, 'runs', 'notes.txt'), '');
    assert.equal(await findRun(state, 'aaab'), other);
    for (const [given, code] of [
      ['aaa', 'usage'],
      ['aaaa../', 'usage'],
      ['AAAA', 'usage'],
      ['bbbb', 'unknown-run'],
    ] as const) {
      await assert.rejects(findRun(state, given), (problem: Problem) => problem.code === code, given);
    }
    await (await openJournal(state, `aaab${'c'.repeat(28)}`)).close();
    await assert.rejects(findRun(state, 'aaab'), /2 runs/);
  });

  test('is there again, with every line, after its directory was removed or moved while the run wrote to it', async () => {
    const lasting = join(state, 'lasting');
    const stepsOf = async () =>
      (await readJournal(lasting, run, assert.fail))?.map((entry) => (entry.type === 'step-started' ? entry.step : ''));
    const journal = await openJournal(lasting, run);
    const write = (step: string) => journal.write({ at: 1, runId: run, type: 'step-started', step });
    await write('a');
    await rm(lasting, { recursive: true });
    await Promise.all([write('b'), write('c')]);
    assert.deepEqual(await stepsOf(), ['', 'a', 'b', 'c']);
    assert.equal((await stat(journal.file)).mode & 0o777, 0o600);
    await rename(lasting, join(state, 'moved'));
    await write('d');
    await journal.close();
    assert.deepEqual(await stepsOf(), ['', 'a', 'b', 'c', 'd']);
    assert.deepEqual(openFiles(state), []);
  });

  test('is not written over the file of another process that took its place', async () => {
    const taken = join(state, 'taken');
    const journal = await openJournal(taken, run);
    await rm(journal.file);
    await writeFile(journal.file, 'theirs');
    const write = () => journal.write({ at: 1, runId: run, type: 'step-started', step: 'a' });
    const failed = (problem: Problem) => {
      assert.equal(problem.code, 'journal-failed');
      assert.match(problem.message, /cannot be written: another file has taken its place$/);
      return true;
    };
    await assert.rejects(write(), failed);
    await assert.rejects(write(), failed);
    await journal.close();
    assert.equal(await readFile(journal.file, 'utf8'), 'theirs');
  });

  test('reports that it cannot be written where a file has taken the place of its directory', async () => {
    const replaced = join(state, 'replaced');
    const journal = await openJournal(replaced, run);
    await rename(replaced, join(state, 'elsewhere'));
    await writeFile(replaced, 'a file');
    const write = journal.write({ at: 1, runId: run, type: 'step-started', step: 'a' });
    await assert.rejects(write, { code: 'journal-failed' });
    await journal.close();
  });

  test('reports once that its disk is full', async () => {
    const full = 'f'.repeat(32);
    await symlink('/dev/full', journalFile(state, full));
    await assert.rejects(openJournal(state, full, true), ({ code, message }: Problem) => {
      assert.equal(code, 'journal-failed');
      assert.equal(message.split('cannot be written').length, 2, message);
      return true;
    });
    await rm(journalFile(state, full));
  });

  test('is listed by the time of its last write', async () => {
    await utimes(journalFile(state, other), 1, 1);
    const ids = await listJournals(state, 10);
    assert.equal(ids.length, 3);
    assert.equal(ids.at(-1), other);
    assert.equal((await listJournals(state, 1)).length, 1);
    assert.deepEqual(await listJournals(join(state, 'nowhere'), 5), []);
    assert.equal(await readJournal(state, 'f'.repeat(32), assert.fail), undefined);
  });
});

describe('the mark of a process', () => {
  test('shows whether it still runs', async () => {
    const mark = await markProcess();
    assert.equal(await isRunning(mark), 'yes');
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const marked = await markProcess(child.pid);
    assert.equal(await isRunning(marked), 'yes');
    child.kill();
    await once(child, 'close');
    assert.equal(await isRunning(marked), 'no');
  });

  test('rejects a later process with the same number, and one from before a restart', async () => {
    const mark = await markProcess();
    assert.equal(await isRunning({ ...mark, start: '1' }), 'no');
    assert.equal(await isRunning({ ...mark, host: 'elsewhere' }), 'unknown');
    const { host, pid, start, machine } = mark;
    assert.equal(await isRunning({ host, boot: 'before', pid, start }), 'no', 'of an earlier version');
    const expected = machine === '' ? 'unknown' : 'no';
    assert.equal(await isRunning({ ...mark, boot: 'before' }), expected, 'a container has no id of its machine');
  });

  test('does not take another machine or container of the same name for this one', async () => {
    const mark = await markProcess();
    assert.equal(await isRunning({ ...mark, boot: 'other', machine: 'f'.repeat(16) }), 'unknown');
    assert.equal(await isRunning({ ...mark, boot: 'other', machine: '' }), 'unknown');
    assert.equal(await isRunning({ ...mark, pid: 2 ** 22 + 1, space: 'pid:[1]' }), 'unknown');
  });
});
