import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Coverage, ran, touches } from './coverage.ts';
import { digest, openKnown } from './known.ts';
import type { Mutant } from './mutants.ts';
import type { Bounds, Workplace } from './workplace.ts';

/** A test file when nothing is broken. */
export interface Measured {
  readonly test: string;
  readonly passed: boolean;
  readonly coverage: Coverage;
  /** The text of each file in the coverage, as a digest: its offsets are those of that text. */
  readonly texts: Readonly<Record<string, string>>;
  /** Over these, it counts as failed. */
  readonly bounds: Bounds;
}

export interface Limits {
  /** Test files for one file. */
  readonly most: number;
  /** Milliseconds that a test file may work. */
  readonly slowest: number;
}

/** Chooses the tests of a file. `kept` is a folder for what was measured, from one run to the next. */
export function startTests(place: Workplace, concerned: (file: string) => string[], limits: Limits, kept: string) {
  const known = openKnown<Measured>(kept);
  const left = new Map<string, Measured>();
  const text = (file: string) => readFileSync(join(place.root, file), 'utf8');

  const measured = async (test: string, file: string): Promise<Measured> => {
    const key = [test, text(test), String(limits.slowest)];
    const before = left.get(test) ?? known.find(key);
    if (before !== undefined && (before.texts[file] ?? digest([text(file)])) === digest([text(file)])) return before;
    const trial = await place.measure(test, { took: 5 * limits.slowest, worked: limits.slowest });
    const { passed, took, worked, coverage } = trial;
    const texts = Object.fromEntries(Object.keys(coverage ?? {}).map((one) => [one, digest([text(one)])]));
    const one = { test, passed, coverage, texts, bounds: { took: 5 * took + 5000, worked: 4 * worked + 1000 } };
    if (passed) known.keep(key, one);
    else left.set(test, one);
    return one;
  };

  return {
    /** The nearest that run something of the file; those that are slow, or fail without a mutant, are left out. */
    choose: async (file: string): Promise<Measured[]> => {
      const chosen: Measured[] = [];
      for (const test of concerned(file)) {
        if (chosen.length >= limits.most) break;
        const one = await measured(test, file);
        if (one.passed && touches(one.coverage, file)) chosen.push(one);
      }
      return chosen;
    },
    /** The tests of these that run the changed place. */
    reach: (chosen: readonly Measured[], file: string, { start }: Mutant): Measured[] =>
      chosen.filter(({ coverage }) => ran(coverage, file, start)),
  };
}
