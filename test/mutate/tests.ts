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
  /** Test files for one mutant, out of three times as many that are the nearest to its file. */
  readonly most: number;
  /** Milliseconds that a test file may work. */
  readonly slowest: number;
}

/** Chooses the tests of a file. `kept` is a folder for what was measured, from one run to the next. */
export function startTests(place: Workplace, concerned: (file: string) => string[], limits: Limits, kept: string) {
  const known = openKnown<Measured>(kept);
  const here = new Map<string, Measured>();
  const text = (file: string) => readFileSync(join(place.root, file), 'utf8');

  const measured = async (test: string, file: string): Promise<Measured> => {
    const key = [test, text(test), String(limits.slowest)];
    const before = here.get(test) ?? known.find(key);
    if (before !== undefined && (before.texts[file] ?? digest([text(file)])) === digest([text(file)])) {
      here.set(test, before);
      return before;
    }
    const trial = await place.measure(test, { took: 5 * limits.slowest, worked: limits.slowest });
    const { passed, took, worked, coverage } = trial;
    const texts = Object.fromEntries(Object.keys(coverage ?? {}).map((one) => [one, digest([text(one)])]));
    const one = { test, passed, coverage, texts, bounds: { took: 5 * took + 5000, worked: 4 * worked + 1000 } };
    here.set(test, one);
    if (passed) known.keep(key, one);
    return one;
  };

  return {
    /** The nearest that run the changed place; those that are slow, or fail without a mutant, are left out. */
    reach: async (file: string, { start }: Mutant): Promise<Measured[]> => {
      const reaching: Measured[] = [];
      for (const test of concerned(file).slice(0, 3 * limits.most)) {
        if (reaching.length >= limits.most) break;
        const one = await measured(test, file);
        if (one.passed && touches(one.coverage, file) && ran(one.coverage, file, start)) reaching.push(one);
      }
      return reaching;
    },
  };
}
