import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const imported = /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

/** For a file, those that import it over however many others, the nearest first, each with its distance; itself with 0. */
export type Importers = (file: string) => ReadonlyMap<string, number>;

/** @param root of the project */
export function readImporters(root: string): Importers {
  const files = globSync('{src,test,build}/**/*.ts', { cwd: root });
  const known = new Set(files);
  const importers = new Map<string, string[]>();
  for (const file of files) {
    for (const [, target = ''] of readFileSync(join(root, file), 'utf8').matchAll(imported)) {
      const path = normalize(join(dirname(file), target));
      if (known.has(path)) importers.set(path, [...(importers.get(path) ?? []), file]);
    }
  }
  return (file) => {
    const distances = new Map([[file, 0]]);
    for (const [one, distance] of distances) {
      for (const importer of importers.get(one) ?? []) {
        if (!distances.has(importer)) distances.set(importer, distance + 1);
      }
    }
    return distances;
  };
}
