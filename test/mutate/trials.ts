import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './mutants.ts';
import type { SharedProcess } from './shared/shared-process.ts';
import type { Measured } from './tests.ts';
import type { Workplace } from './workplace.ts';

/** A test that takes longer, in milliseconds, gains little in the shared process: a start of Node takes a part of that. */
const longest = 1000;

/** The tests of one file, each run where it may: in the shared process, which is many times quicker, or in one of its own. */
export interface Trials {
  /** Those that run in the shared process. */
  readonly shared: ReadonlySet<string>;
  /** The first of the tests that notices the mutant, or an empty text. The file is not restored. */
  readonly killer: (mutant: Mutant, tests: readonly Measured[]) => Promise<string>;
}

/** @param importers the files that import it, over however many others, and itself */
export async function startTrials(
  place: Workplace,
  process: SharedProcess,
  file: string,
  importers: readonly string[],
  chosen: readonly Measured[],
): Promise<Trials> {
  const source = readFileSync(join(place.root, file), 'utf8');
  /** The bound of those that fit, in milliseconds. */
  const shared = new Map<string, number>();
  const runShared = (test: string, most: number) => process.run(test, importers, most);

  // A test fits when it starts no processes, and passes when it runs a second time.
  for (const { test, coverage, bounds } of chosen) {
    if (coverage === null || (await runShared(test, bounds.took)) !== 'passed') continue;
    const began = performance.now();
    const again = await runShared(test, bounds.took);
    const took = performance.now() - began;
    if (again === 'passed' && took <= longest) shared.set(test, 2 * took + 1500);
  }

  const notices = async (mutant: Mutant, { test, bounds }: Measured): Promise<boolean> => {
    place.write(file, mutant.source);
    const most = shared.get(test);
    if (most !== undefined) {
      const outcome = await runShared(test, most);
      if (outcome === 'passed') return false;
      if (outcome === 'failed') {
        // It is the mutant's doing if the test passes without it, in the same process.
        place.write(file, source);
        if ((await runShared(test, most)) === 'passed') return true;
        process.end();
        place.write(file, mutant.source);
      }
    }
    return !(await place.run(test, bounds)).passed;
  };

  return {
    shared: new Set(shared.keys()),
    killer: async (mutant, tests) => {
      for (const one of tests) if (await notices(mutant, one)) return one.test;
      return '';
    },
  };
}
