/**
 * The playbooks that ship with the program, as text by name (without `.yaml`).
 * Run from source they are read from disk; in the bundle this module is replaced by one
 * that holds the texts (package.json, `imports`), which is why it may ask where it stands.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(import.meta.dirname, '../playbooks');

export const shippedPlaybooks: Readonly<Record<string, string>> = Object.fromEntries(
  readdirSync(directory)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => [file.slice(0, -'.yaml'.length), readFileSync(join(directory, file), 'utf8')]),
);
