import { basename, dirname } from 'node:path';
import type { Importers } from './imports.ts';

/**
 * The test files that import a file, over however many others, the nearest first: those of the folder that mirrors it, the one of
 * its name before all, then those that share words of its path or reach it over few files.
 * @param parts folders of test/
 */
export function startConcerned(importers: Importers, parts: readonly string[]): (file: string) => string[] {
  const isTest = (file: string) => file.endsWith('.test.ts') && parts.some((part) => file.startsWith(`test/${part}/`));
  return (file) => {
    const distances = importers(file);
    const mirror = dirname(file).replace(/^src\//, 'test/unit/');
    const words = wordsOf(file);
    const rank = (test: string) => {
      const part = parts.findIndex((one) => test.startsWith(`test/${one}/`));
      const named = basename(test, '.test.ts') === basename(file, '.ts') ? 0 : 5;
      const shared = wordsOf(test).filter((word) => words.includes(word)).length;
      return (test.startsWith(`${mirror}/`) ? 0 : 100) + part * 2 + named + (distances.get(test) ?? 0) - 3 * shared;
    };
    return [...distances.keys()].filter(isTest).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  };
}

/** The words of a path below src/, or below a part of test/. */
function wordsOf(path: string): string[] {
  return [...new Set(path.replace(/^(src|test\/\w+)\/|(\.test)?\.ts$/g, '').split(/[/-]/))];
}
