import { crashAtEachChange } from '../../../support/faults/crash.ts';
import { watchFileCalls } from '../../../support/faults/file-calls.ts';
import { runsOneByOne } from '../../../support/faults/one-by-one.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { adoptRun, type FoundRun } from '../../../../src/client/runs/fleet/find-run.ts';
import { journalFile, openJournal, runsDirectory } from '../../../../src/library/runs/journal.ts';
import { readJournal } from '../../../../src/client/runs/read-journal.ts';
import { openFiles } from '../../../support/faults/open-files.ts';

const run = 'a'.repeat(32);
const entry = (step: number) => ({ at: step, runId: run, type: 'step-started', step: String(step) });

let state: string;
beforeEach(() => {
  state = mkdtempSync('/dev/shm/mco-journal-');
});
afterEach(() => rmSync(state, { recursive: true }));

async function stepsRead(report: (warning: string) => void = () => {}): Promise<string[]> {
  const entries = (await readJournal(state, run, report)) ?? [];
  return entries.flatMap((one) => (one.type === 'step-started' ? [one.step] : []));
}

describe('a journal whose client is interrupted at any change of the disk', () => {
  test('contains everything that was written before, and continues after it', async () => {
    const written: string[] = [];
    const work = async () => {
      const journal = await openJournal(state, run);
      for (const step of [1, 2]) {
        await journal.write(entry(step));
        written.push(String(step));
      }
      await journal.close();
    };
    await crashAtEachChange({
      root: state,
      prepare: () => {
        rmSync(`${state}/runs`, { recursive: true, force: true });
        written.length = 0;
      },
      work,
      check: async (where) => {
        const before = await stepsRead();
        assert.deepEqual(before.slice(0, written.length), written, where);
        const journal = await openJournal(state, run, true);
        await journal.write(entry(3));
        await journal.close();
        assert.deepEqual((await stepsRead()).at(-1), '3', where);
      },
      least: 8,
    });
  });
});

describe('a journal whose first line cannot be written', () => {
  test('does not begin the run, and leaves no file open', async () => {
    const open = () => openFiles(state).length;
    for (const [name, path] of [
      ['appendFile', journalFile(state, run)],
      ['datasync', journalFile(state, run)],
      ['sync', join(state, 'runs')],
      ['open', journalFile(state, run)],
    ] as const) {
      using _watch = watchFileCalls(state, async (call, _args, real) => {
        if (call.name === name && call.path === path) throw Object.assign(new Error('no'), { code: 'EIO' });
        return await real();
      });
      await assert.rejects(openJournal(state, run), { code: 'journal-failed' }, name);
      assert.equal(open(), 0, name);
      rmSync(journalFile(state, run), { force: true });
    }
  });
});

describe('a journal on a disk that is full for a moment', () => {
  /** Fails the write of step 2 after half of it, and, if requested, the repair. */
  const writeThree = async (failing: readonly string[]) => {
    const journal = await openJournal(state, run);
    await journal.write(entry(1));
    {
      using _watch = watchFileCalls(state, async ({ name, handle }, args, real) => {
        if (!failing.includes(name)) return real();
        if (name === 'appendFile') await handle?.write(String(args[0]).slice(0, 10));
        throw Object.assign(new Error(`${name} failed`), { code: 'ENOSPC' });
      });
      await assert.rejects(journal.write(entry(2)), {
        code: 'journal-failed',
        message: /cannot be written: no space left on the device$/,
      });
    }
    await journal.write(entry(3));
    await journal.close();
  };

  test('lacks the refused line, and contains nothing of it before the next', async () => {
    for (const failing of [['appendFile'], ['datasync']]) {
      await writeThree(failing);
      assert.deepEqual(await stepsRead(assert.fail), ['1', '3'], failing.join());
      rmSync(journalFile(state, run));
    }
  });

  test('has a line end before the next line if it cannot be repaired at once', async () => {
    await writeThree(['appendFile', 'truncate']);
    const warnings: string[] = [];
    assert.deepEqual(await stepsRead((warning) => warnings.push(warning)), ['1', '3']);
    assert.equal(warnings.length, 1);
    assert.equal(readFileSync(journalFile(state, run), 'utf8').split('\n').length, 5);
  });
});

test('the journal of a run from elsewhere is written only once its directory is there and the earlier file is kept', async () => {
  const found = { run, entries: [entry(1)], isElsewhere: true } as unknown as FoundRun;
  await runsOneByOne(state, () => adoptRun(state, { ...found, lost: 0 }));
  await runsOneByOne(state, () => adoptRun(state, { ...found, entries: [], lost: 1 }));
  const directory = runsDirectory(state);
  const texts = readdirSync(directory)
    .sort()
    .map((name) => readFileSync(`${directory}/${name}`, 'utf8'));
  assert.deepEqual(texts, ['', `${JSON.stringify(entry(1))}\n`]);
});
