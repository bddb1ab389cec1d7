import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Values by the texts that they depend on, kept in a folder from one run to the next. */
export interface Known<Value> {
  readonly find: (texts: readonly string[]) => Value | undefined;
  readonly keep: (texts: readonly string[], value: Value) => void;
}

export function openKnown<Value>(folder: string): Known<Value> {
  mkdirSync(folder, { recursive: true });
  const path = (texts: readonly string[]) => join(folder, digest(texts));
  return {
    find: (texts) => (existsSync(path(texts)) ? JSON.parse(readFileSync(path(texts), 'utf8')) : undefined),
    keep: (texts, value) => writeFileSync(path(texts), JSON.stringify(value)),
  };
}

/**
 * The results of mutants: the test that noticed one, or an empty text. It holds as long as the mutant (the whole file with it) and the
 * texts of the tests are what they were: of the one that noticed it, or of all that were run.
 */
export function openOutcomes(root: string, folder: string) {
  const known = openKnown<string>(folder);
  const texts = (mutant: string, tests: readonly string[]) => [
    mutant,
    ...tests.flatMap((test) => [test, readFileSync(join(root, test), 'utf8')]),
  ];
  return {
    find: (mutant: string, tests: readonly string[]): string | undefined =>
      tests.find((test) => known.find(texts(mutant, [test]))) ?? known.find(texts(mutant, [...tests].sort())),
    keep: (mutant: string, tests: readonly string[], killer: string): void =>
      known.keep(texts(mutant, killer === '' ? [...tests].sort() : [killer]), killer),
  };
}

/** A short name for texts. */
export function digest(texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64url').slice(0, 24);
}
