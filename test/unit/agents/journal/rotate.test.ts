import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { chooseOldest, type IndexedRun } from '../../../../src/agents/journal/rotate.ts';
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
  /** Runs by their name: a capital letter is one that ended well. All have ten bytes, and the given age in milliseconds. */
  const choose = (ages: Readonly<Record<string, number>>, limits: Partial<typeof roomy>, bytes = 10) => {
    const now = Date.now();
    const indexed: IndexedRun[] = Object.entries(ages).map(([name, age]) => ({ run: name, bytes: 10, at: now - age }));
    const read = async (name: string): Promise<StoredJournal> => ({
      lines: writeLines(rip, [/[A-Z]/.test(name) ? 'run-finished' : 'run-started']),
      end: { sequence: 1, hash: '' },
      bytes: 10,
    });
    return chooseOldest(indexed, { run: 'new', bytes }, { ...roomy, ...limits }, read);
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

  test('are never the one that grows, and its old size does not count', async () => {
    const now = Date.now();
    const read = async () => assert.fail('nothing must leave');
    const indexed = [
      { run: 'new', bytes: 900, at: now - 3 * day },
      { run: 'a', bytes: 10, at: now - 2 * day },
    ];
    assert.deepEqual(
      await chooseOldest(indexed, { run: 'new', bytes: 990 }, { ...roomy, max_runs: 2, max_size: 1000 }, read),
      [],
    );
  });

  test('have ended well if the run is done or had nothing to do; a damaged one has not, one without lines has', async () => {
    const stored = (entry: object | undefined): StoredJournal => ({
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
      const chosen = chooseOldest(young, { run: 'new', bytes: 10 }, { ...roomy, max_runs: 1 }, async () => journal);
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
    return { run, lease, after: from, lines: added, head: hashText(added.at(-1)?.text ?? '') };
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
