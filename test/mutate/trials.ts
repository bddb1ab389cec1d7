import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';
import type { SharedProcess } from './shared/shared-process.ts';
import type { Measured } from './tests.ts';
import type { Workplace } from './workplace.ts';

/** A test that takes longer, in milliseconds, gains little in the shared process: a start of Node takes a part of that. */
const longest = 3000;

/** How many times a test that takes too long runs with a mutant, and without it. */
const mostTries = 5;

/** The tests of one file, each run where it may: in the shared process, which is many times quicker, or in one of its own. */
export interface Trials {
  /** The first of the tests that notices the mutant, or an empty text. The file is not restored. */
  readonly killer: (mutant: Mutant, tests: readonly Measured[]) => Promise<string>;
}

/** @param importers the files that import it, over however many others, and itself */
export function startTrials(
  place: Workplace,
  process: SharedProcess,
  file: string,
  importers: readonly string[],
): Trials {
  const source = readFileSync(join(place.root, file), 'utf8');
  const runShared = (test: string, most: number) => process.run(test, importers, most);
  const known = new Map<string, number | undefined>();

  /** Milliseconds that a test may take in the shared process; undefined where it does not fit. The file is restored. */
  const boundOf = async ({ test, coverage, bounds }: Measured): Promise<number | undefined> => {
    place.write(file, source);
    if (coverage === null || (await runShared(test, bounds.took)) !== 'passed') return undefined;
    const began = performance.now();
    const again = await runShared(test, bounds.took);
    const took = performance.now() - began;
    return again === 'passed' && took <= longest ? 2 * took + 1500 : undefined;
  };

  const notices = async (mutant: Mutant, one: Measured): Promise<boolean> => {
    const { test } = one;
    if (!known.has(test)) known.set(test, await boundOf(one));
    place.write(file, mutant.source);
    const most = known.get(test);
    if (most !== undefined) {
      const outcome = await runShared(test, most);
      if (outcome === 'passed') return false;
      if (outcome === 'failed') {
        // It is the mutant's doing if the test passes without it, in the same process.
        place.write(file, source);
        if ((await runShared(test, most)) === 'passed') return true;
        process.end();
      }
      if (outcome === 'late' && (await isLateAgain(mutant, test, most))) return true;
    }
    return await noticesAlone(mutant, one);
  };

  /** Whether the test takes too long once more, and not without the mutant in between. */
  const isLateAgain = async (mutant: Mutant, test: string, most: number): Promise<boolean> => {
    place.write(file, source);
    if ((await runShared(test, most)) !== 'passed') return false;
    place.write(file, mutant.source);
    return (await runShared(test, most)) === 'late';
  };

  /** Runs a test in a new process. A test that takes too long may only have waited: then it takes as long without the mutant. */
  const noticesAlone = async (mutant: Mutant, { test, bounds }: Measured): Promise<boolean> => {
    for (let tries = 0; tries < mostTries; tries++) {
      place.write(file, mutant.source);
      const trial = await place.run(test, bounds);
      if (!trial.late) return !trial.passed;
      place.write(file, source);
      if ((await place.run(test, bounds)).passed) return true;
    }
    throw new Error(`${test} does not keep to its time: the machine is too busy for a score`);
  };

  return {
    killer: async (mutant, tests) => {
      for (const one of tests) if (await notices(mutant, one)) return one.test;
      return '';
    },
  };
}
