import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';

const imported = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/**
 * The test files that import a file, over however many others, the nearest first: those of the folder that mirrors it, the one of
 * its name before all, then those that reach it over the fewest files.
 * @param root of the project
 * @param parts folders of test/
 */
export function startConcerned(root: string, parts: readonly string[]): (file: string) => string[] {
  const files = globSync('{src,test,build}/**/*.ts', { cwd: root });
  const known = new Set(files);
  const importers = new Map<string, string[]>();
  for (const file of files) {
    for (const [, target = ''] of readFileSync(join(root, file), 'utf8').matchAll(imported)) {
      const path = normalize(join(dirname(file), target));
      if (known.has(path)) importers.set(path, [...(importers.get(path) ?? []), file]);
    }
  }
  const isTest = (file: string) => file.endsWith('.test.ts') && parts.some((part) => file.startsWith(`test/${part}/`));
  return (file) => {
    const distances = new Map([[file, 0]]);
    for (const [one, distance] of distances) {
      for (const importer of importers.get(one) ?? []) {
        if (!distances.has(importer)) distances.set(importer, distance + 1);
      }
    }
    const mirror = dirname(file).replace(/^src\//, 'test/unit/');
    const rank = (test: string) => {
      const part = parts.findIndex((one) => test.startsWith(`test/${one}/`));
      const named = basename(test, '.test.ts') === basename(file, '.ts') ? 0 : 5;
      return (test.startsWith(`${mirror}/`) ? 0 : 100) + part * 10 + named + (distances.get(test) ?? 0);
    };
    return [...distances.keys()].filter(isTest).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  };
}
