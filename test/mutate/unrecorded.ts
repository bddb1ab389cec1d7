import { globSync, readFileSync } from 'node:fs';
import { dirname, join, matchesGlob } from 'node:path';
import { mutantsOf } from './mutants.ts';

/** Descriptions of agents, schemas and configurations are data: they are not mutated. */
export function isMutated(file: string): boolean {
  return !/\/(ddl(-parts)?|config|(step-)?schema)\.ts$/.test(file);
}

/** The folders that have files which could be mutated, and that no row names, alone or with those below it. */
export function unrecorded(root: string, recorded: readonly string[]): string[] {
  const has = (file: string) =>
    recorded.some((row) => file === row || file.startsWith(`${row}/`) || (row.includes('*') && matchesGlob(file, row)));
  const files = globSync('src/**/*.ts', { cwd: root }).filter((file) => isMutated(file) && !has(file));
  const mutable = files.filter((file) => mutantsOf(readFileSync(join(root, file), 'utf8')).length > 0);
  return [...new Set(mutable.map(dirname))].sort();
}
