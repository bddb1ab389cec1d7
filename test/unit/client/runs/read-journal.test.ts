import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import {
  datedJournals,
  findRun,
  listJournals,
  parseJournal,
  readJournal,
} from '../../../../src/client/runs/read-journal.ts';
import { journalFile, runsDirectory } from '../../../../src/library/runs/journal.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const line = (at: number, type = 'note') => JSON.stringify({ at, type });
const idOf = (digits: string) => digits.padEnd(32, '0');

/** A directory with journals, each with its text and the second of its last entry. */
function journals(all: Readonly<Record<string, readonly [text: string, second: number]>>) {
  const state = temporaryDirectory();
  for (const [id, [text, second]] of Object.entries(all)) {
    const file = journalFile(state, id);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    utimesSync(file, second, second);
  }
  return state;
}

describe('the text of a journal', () => {
  const read = (text: string) => {
    const { entries, torn } = parseJournal(text);
    return [entries.map(({ at }) => at), torn];
  };

  test('has an entry in each whole line, and none in a last line without its end', () => {
    assert.deepEqual(read(`${line(1)}\n${line(2)}\n`), [[1, 2], []]);
    assert.deepEqual(read(`${line(1)}\n${line(2)}`), [[1], []]);
    assert.deepEqual(read(''), [[], []]);
    assert.deepEqual(read(`\n\n${line(1)}\n`), [[1], []]);
  });

  test('has the numbers of lines that are damaged: no JSON, or no entry', () => {
    const damaged = ['{"at":1,"ty', '[]', '{"at":"1","type":"call"}', '{"at":1,"type":2}', '{"type":"call"}', 'null'];
    assert.deepEqual(read([...damaged, line(9), ''].join('\n')), [[9], [1, 2, 3, 4, 5, 6]]);
  });

  test('has the whole entry that was joined to a torn one, whose line is damaged', () => {
    assert.deepEqual(read(`${line(1)}\n{"at":2,"type":"ca${line(3)}\n${line(4)}\n`), [[1, 3, 4], [2]]);
    assert.deepEqual(read(`{${line(3)}\n`), [[3], [1]], 'of its first byte');
  });
});

describe('the journal of a run', () => {
  const id = idOf('aaaa');

  test('is none if this machine has no file of it', async () => {
    assert.equal(await readJournal(temporaryDirectory(), id, assert.fail), undefined);
    const state = journals({ [id]: [`${line(1)}\n`, 1] });
    assert.deepEqual(await readJournal(state, id, assert.fail), [{ at: 1, type: 'note' }]);
    assert.equal(await readJournal(state, idOf('bbbb'), assert.fail), undefined);
  });

  test('is read with a warning about its damaged lines', async () => {
    for (const [text, what] of [
      [`x\n${line(1)}\n`, 'line 1 of the journal FILE is damaged and was'],
      [`x\n${line(1)}\ny\n`, 'lines 1, 3 of the journal FILE are damaged and were'],
    ] as const) {
      const [state, warnings]: [string, string[]] = [journals({ [id]: [text, 1] }), []];
      const entries = await readJournal(state, id, (warning) => warnings.push(warning));
      assert.equal(entries?.length, 1);
      const expected = what.replace('FILE', journalFile(state, id));
      assert.deepEqual(warnings, [`warning: ${expected} skipped: its content counts as unknown`]);
    }
  });
});

describe('the runs of this machine', () => {
  const state = journals({
    ...{ [idOf('aaaa1')]: ['', 100], [idOf('aaaa2')]: ['', 300], [idOf('bbbb')]: ['', 200] },
    'not-a-run': ['', 400],
    [`${idOf('cccc')}0`]: ['', 500],
  });

  test('are listed from the latest on, as many as asked for', async () => {
    assert.deepEqual(await listJournals(state, 9), [idOf('aaaa2'), idOf('bbbb'), idOf('aaaa1')]);
    assert.deepEqual(await datedJournals(state, 2), [
      { id: idOf('aaaa2'), at: 300_000 },
      { id: idOf('bbbb'), at: 200_000 },
    ]);
  });

  test('are none before the first one, and a fault if they cannot be read', async () => {
    assert.deepEqual(await listJournals(temporaryDirectory(), 9), []);
    const broken = temporaryDirectory();
    mkdirSync(dirname(runsDirectory(broken)), { recursive: true });
    writeFileSync(runsDirectory(broken), '');
    await assert.rejects(listJournals(broken, 9), {
      code: 'unreadable-file',
      message: new RegExp(`^${runsDirectory(broken)} cannot be read: `),
    });
  });

  test('are found by the beginning of their id, if that is of one run', async () => {
    assert.equal(await findRun(state, 'bbbb'), idOf('bbbb'));
    assert.equal(await findRun(state, idOf('aaaa1')), idOf('aaaa1'));
    await assert.rejects(findRun(state, 'aaaa'), { code: 'usage', message: 'aaaa matches 2 runs' });
    await assert.rejects(findRun(state, 'dddd'), {
      code: 'unknown-run',
      message: 'there is no journal of a run dddd here',
      hint: '“mco-deploy runs” lists them',
    });
    await assert.rejects(findRun(state, 'bbcb'), { code: 'unknown-run', hint: 'did you mean “bbbb”?' });
    for (const bad of ['bbb', '', 'BBBB', 'bbbg', `${idOf('bbbb')}0`, 'x'.repeat(50)])
      await assert.rejects(findRun(state, bad), {
        code: 'usage',
        message: `“${bad.slice(0, 40)}” is not a valid run id`,
        hint: 'give the id, or at least its first four digits',
      });
  });
});
