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

/** How many failures in the shared process are checked together: that the same tests pass there without a mutant. */
const mostUnproven = 8;

/** Receives the first of the tests that notices a mutant, or an empty text. */
export type Settle = (killer: string) => void;

/** The tests of one file, each run where it may: in the shared process, which is many times quicker, or in one of its own. */
export interface Trials {
  /**
   * Runs the tests until one notices the mutant. The file is not restored.
   * @param settle called once that is certain: now, during a later run, or at the end
   * @returns the test that seems to notice it
   */
  readonly run: (mutant: Mutant, tests: readonly Measured[], settle: Settle) => Promise<string>;
  /** Settles all that is left. */
  readonly end: () => Promise<void>;
}

/** A failure in the shared process, which an earlier mutant may have broken. */
interface Unproven {
  readonly mutant: Mutant;
  readonly tests: readonly Measured[];
  /** The test that failed, and the number of the process. */
  readonly test: string;
  readonly life: number;
  readonly settle: Settle;
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
  let unproven: readonly Unproven[] = [];

  /** Milliseconds that a test may take in the shared process; undefined where it does not fit. The file is restored. */
  const boundOf = async ({ test, coverage, bounds }: Measured): Promise<number | undefined> => {
    place.write(file, source);
    if (coverage === null || (await runShared(test, bounds.took)) !== 'passed') return undefined;
    const began = performance.now();
    const again = await runShared(test, bounds.took);
    const took = performance.now() - began;
    return again === 'passed' && took <= longest ? 2 * took + 1500 : undefined;
  };

  const boundIn = async (one: Measured): Promise<number | undefined> => {
    if (!known.has(one.test)) known.set(one.test, await boundOf(one));
    return known.get(one.test);
  };

  /** The test passed in the process of now: so each of its earlier failures there was the mutant's doing. */
  const believe = (test: string) => {
    const isProven = (one: Unproven) => one.test === test && one.life === process.life();
    for (const one of unproven) if (isProven(one)) one.settle(test);
    unproven = unproven.filter((one) => !isProven(one));
  };

  /** Undefined: it failed in the shared process, which is to be proven. */
  const notices = async (mutant: Mutant, one: Measured): Promise<boolean | undefined> => {
    const most = await boundIn(one);
    place.write(file, mutant.source);
    if (most !== undefined) {
      const outcome = await runShared(one.test, most);
      if (outcome === 'passed') {
        believe(one.test);
        return false;
      }
      if (outcome === 'failed') return undefined;
      if (outcome === 'late' && (await isLateAgain(mutant, one.test, most))) return true;
    }
    return await noticesAlone(mutant, one);
  };

  const prove = async (): Promise<void> => {
    const ofNow = unproven.filter(({ life }) => life === process.life());
    for (const test of new Set(ofNow.map((one) => one.test))) {
      place.write(file, source);
      if ((await runShared(test, known.get(test) ?? 0)) === 'passed') believe(test);
      else process.end();
    }
    const left = unproven;
    unproven = [];
    for (const { mutant, tests, settle } of left) settle(await certainKiller(mutant, tests));
  };

  /** Each failure in the shared process is proven at once. */
  const certainKiller = async (mutant: Mutant, tests: readonly Measured[]): Promise<string> => {
    for (const one of tests) {
      const noticed = await notices(mutant, one);
      if (noticed === undefined) {
        place.write(file, source);
        if ((await runShared(one.test, known.get(one.test) ?? 0)) === 'passed') return one.test;
        process.end();
      }
      if (noticed ?? (await noticesAlone(mutant, one))) return one.test;
    }
    return '';
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
    run: async (mutant, tests, settle) => {
      if (unproven.length >= mostUnproven || process.isOld()) await prove();
      if (process.isOld()) process.end();
      for (const one of tests) {
        const noticed = await notices(mutant, one);
        if (noticed === undefined) {
          unproven = [...unproven, { mutant, tests, test: one.test, life: process.life(), settle }];
          return one.test;
        }
        if (noticed) {
          settle(one.test);
          return one.test;
        }
      }
      settle('');
      return '';
    },
    end: prove,
  };
}
