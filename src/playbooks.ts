/**
 * The playbooks that ship with the program, as text by name (without `.yaml`).
 * Run from source they are read from disk; in the bundle this module is replaced by one
 * that holds the texts (package.json, `imports`), which is why it may ask where it stands.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(import.meta.dirname, '../playbooks');

export const shippedPlaybooks = readTexts('.yaml');

/** The same for scripts in the Puppet DSL, by name (without `.mc`). */
export const shippedScripts = readTexts('.mc');

function readTexts(ending: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory).filter((file) => file.endsWith(ending));
  const texts = files
    .sort()
    .map((file) => [file.slice(0, -ending.length), readFileSync(join(directory, file), 'utf8')]);
  return Object.fromEntries(texts);
}
