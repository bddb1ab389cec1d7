import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { chooseOldest, type IndexedRun, stateOfRun } from '../../../../src/agents/journal/rotate.ts';
import { openStore } from '../../../../src/agents/journal/store.ts';
import type { StoredJournal } from '../../../../src/agents/journal/stored.ts';
import { hashText, type JournalLine } from '../../../../src/core/journal/line.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { lease, run, writeLines } from '../../../support/runs/journal-lines.ts';

let fleet: Fleet;
let rip: Member;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});
after(() => fleet.remove());

const day = 24 * 3_600_000;
const roomy = { max_runs: 100, max_run_size: 1_000_000, max_size: 1_000_000 };

describe('the journals that leave for another', () => {
  /**
   * Runs by their name: a capital letter is one that ended well, a second letter is their owner. All have ten bytes, and
   * the given age in milliseconds.
   */
  const choose = (ages: Readonly<Record<string, number>>, limits: Partial<typeof roomy>, bytes = 10, owner = '') => {
    const now = Date.now();
    const indexed: IndexedRun[] = Object.entries(ages).map(([name, age]) => ({ run: name, bytes: 10, at: now - age }));
    const read = async ({ run: name }: IndexedRun) =>
      stateOfRun({
        owner: name.slice(1, 2),
        lines: writeLines(rip, [/[A-Z]/.test(name) ? 'run-finished' : 'run-started']),
        end: { sequence: 1, hash: '' },
        bytes: 10,
      });
    return chooseOldest(indexed, { run: 'new', bytes, owner }, { ...roomy, ...limits }, read);
  };

  test('are the oldest of those that ended well, and only as many as there must be', async () => {
    const ages = { A: 3000, B: 4000, C: 1000, d: 9000 };
    assert.deepEqual(await choose(ages, { max_runs: 5 }), []);
    assert.deepEqual(await choose(ages, { max_runs: 4 }), ['B']);
    assert.deepEqual(await choose(ages, { max_runs: 3 }), ['B', 'A']);
    assert.deepEqual(await choose(ages, { max_size: 50 }), []);
    assert.deepEqual(await choose(ages, { max_size: 49 }), ['B']);
    assert.deepEqual(await choose(ages, { max_size: 50 }, 21), ['B', 'A']);
  });

  test('are then the oldest that did not, if they are older than a day', async () => {
    const ages = { a: day + 60_000, b: 3 * day, C: 1000, d: day - 60_000 };
    assert.deepEqual(await choose(ages, { max_runs: 4 }), ['C'], 'one that ended well goes first, however young');
    assert.deepEqual(await choose(ages, { max_runs: 3 }), ['C', 'b']);
    assert.deepEqual(await choose(ages, { max_runs: 2 }), ['C', 'b', 'a']);
    await assert.rejects(choose(ages, { max_runs: 1 }), { code: 'journal-full' });
  });

  test('are those of the operator who has the most, so that nobody loses any for another’s', async () => {
    const ages = { Ae: 1000, Be: 2000, Ce: 3000, Ds: 9000, Er: 8000, fs: 9 * day };
    assert.deepEqual(await choose(ages, { max_runs: 6 }), ['Ce']);
    assert.deepEqual(await choose(ages, { max_runs: 5 }, 10, 'r'), ['Ce', 'Ds']);
    assert.deepEqual(await choose(ages, { max_size: 40 }, 10, 'r'), ['Ce', 'Ds', 'Be']);
    assert.deepEqual(await choose(ages, { max_runs: 2 }), ['Ce', 'Ds', 'Be', 'Er', 'Ae']);
    assert.deepEqual(await choose(ages, { max_runs: 1 }), ['Ce', 'Ds', 'Be', 'Er', 'Ae', 'fs']);
  });

  test('are none where one operator fills all but the last quarter: another still gets in', async () => {
    const ages = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}e`, 1000 + index]));
    await assert.rejects(choose(ages, { max_runs: 12 }, 10, 'e'), { code: 'journal-full', message: /, 9 of e$/ });
    assert.deepEqual(await choose(ages, { max_runs: 12 }, 10, 's'), []);
    assert.deepEqual(await choose({ ...ages, As: 1, Bs: 2, Cs: 3 }, { max_runs: 12 }, 10, 's'), ['Cs']);
    await assert.rejects(choose(ages, { max_size: 120 }, 10, 'e'), { code: 'journal-full', message: /, 9 of e$/ });
    assert.deepEqual(await choose(ages, { max_size: 120 }, 30, 's'), [], 'its first may take more than a quarter');
  });

  test('are none for one that grows beyond the share of its operator', async () => {
    const now = Date.now();
    const indexed = ['0', '1', '2', 'new'].map((name) => ({ run: name, bytes: 200, at: now }));
    const grow = (bytes: number, owner: string) => {
      const state = async () => ({ owner: 'e', hasEnded: false });
      return chooseOldest(indexed, { run: 'new', bytes, owner }, { ...roomy, max_runs: 4, max_size: 1000 }, state);
    };
    await assert.rejects(grow(201, 'e'), { code: 'journal-full' });
    assert.deepEqual([await grow(150, 'e'), await grow(201, 's')], [[], []]);
  });

  test('are never the one that grows, and its old size does not count', async () => {
    const now = Date.now();
    const read = async () => ({ owner: '', hasEnded: false });
    const indexed = [
      { run: 'new', bytes: 900, at: now - 3 * day },
      { run: 'a', bytes: 10, at: now - 2 * day },
    ];
    assert.deepEqual(
      await chooseOldest(
        indexed,
        { run: 'new', bytes: 990, owner: '' },
        { ...roomy, max_runs: 2, max_size: 1000 },
        read,
      ),
      [],
    );
  });

  test('have ended well if the run is done or had nothing to do; a damaged one has not, one without lines has', async () => {
    const stored = (entry: object | undefined): StoredJournal => ({
      owner: '',
      lines:
        entry === undefined
          ? []
          : [
              {
                text: JSON.stringify({ run, sequence: 2, previous: '', entry: { at: 1, operator: 'rip', ...entry } }),
                signature: '',
              },
            ],
      end: { sequence: 1, hash: '' },
      bytes: 10,
    });
    const finished = (state: string) => stored({ type: 'run-finished', state });
    for (const [journal, leaves] of [
      [finished('done'), true],
      [finished('nothing-to-do'), true],
      [finished('failed'), false],
      [stored({ type: 'run-started', state: 'done' }), false],
      [stored(undefined), true],
      [undefined, false],
    ] as const) {
      const young = [{ run: 'a', bytes: 10, at: Date.now() }];
      const asks = { run: 'new', bytes: 10, owner: '' };
      const chosen = chooseOldest(young, asks, { ...roomy, max_runs: 1 }, async () => stateOfRun(journal));
      if (leaves) assert.deepEqual(await chosen, ['a']);
      else await assert.rejects(chosen, { code: 'journal-full', message: /1 runs of the last day/ });
    }
  });
});

describe('a journal on a disk', () => {
  let directory: string;
  let lines: JournalLine[];
  beforeEach(() => {
    directory = mkdtempSync('/dev/shm/mco-journal-');
    lines = writeLines(rip, ['run-started', 'call', 'outcome']);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const addition = (from: number, to: number) => {
    const added = lines.slice(from, to);
    return {
      run,
      caller: 'cert=rip@devco.net',
      lease,
      after: from,
      lines: added,
      head: hashText(added.at(-1)?.text ?? ''),
    };
  };

  test('is synced before it counts, and its directory, too, when it is new', async () => {
    const store = await openStore(directory, roomy);
    const file = `${run}.jsonl`;
    const [first, second] = [
      await recordChanges(directory, () => store.append(addition(0, 1), false)),
      await recordChanges(directory, () => store.append(addition(1, 2), false)),
    ];
    assert.deepEqual(first, [`open ${file}`, `appendFile ${file}`, `datasync ${file}`, 'sync ./']);
    assert.deepEqual(second, first.slice(0, 3));
  });

  test('has no more lines than it had if the disk takes none, and continues when it does again', async () => {
    const store = await openStore(directory, roomy);
    await store.append(addition(0, 1), false);
    rmSync(directory, { recursive: true });
    const lengths = async () => (await store.list('', 9)).map(({ sequence }) => sequence);
    await assert.rejects(store.append(addition(1, 2), false), { code: 'unwritable-state' });
    mkdirSync(directory);
    assert.ok(!(await lengths()).includes(2));
    // What was there is gone: a run writes all of it again.
    const again = await openStore(directory, roomy);
    assert.equal(await again.append(addition(0, 2), false), 2);
    assert.deepEqual(
      (await again.list('', 9)).map(({ sequence }) => sequence),
      [2],
    );
  });

  test('may have as many bytes as its limit, and not one more', async () => {
    const { bytes } = await (await openStore(directory, roomy)).append(addition(0, 3), false).then(async () => {
      const [one] = await (await openStore(directory, roomy)).list('', 1);
      return one ?? { bytes: 0 };
    });
    assert.ok(bytes > 100);
    for (const [most, fits] of [
      [bytes, true],
      [bytes - 1, false],
    ] as const) {
      rmSync(join(directory, `${run}.jsonl`), { force: true });
      const store = await openStore(directory, { ...roomy, max_run_size: most });
      const appending = store.append(addition(0, 3), false);
      if (fits) assert.equal(await appending, 3);
      else await assert.rejects(appending, { code: 'journal-full' });
    }
  });
});
