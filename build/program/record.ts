// Runs a command of the program, and its help, and writes V8's code for its parts, with the functions in it that ran: so the
// binary need not compile them again. Run by the very Node and with the very flags of the binary: other code is not taken by it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { startGroup } from './groups.ts';
import { defineRequire, type Wrapped } from './load.ts';

const [directory = '', ...words] = process.argv.slice(2);
/** The group of each part that lies in one. */
const groups: Readonly<Record<string, string>> = JSON.parse(readFileSync(join(directory, 'groups.json'), 'utf8'));
const scripts = new Map<string, Script>();

const requirePart = defineRequire(
  (name) => {
    const group = groups[name];
    if (group !== undefined) return { group };
    const file = join(directory, name);
    return existsSync(file) ? { source: readFileSync(file, 'utf8'), code: undefined } : undefined;
  },
  createRequire(import.meta.filename),
  (name, script) => void scripts.set(name, script),
);

process.argv = [process.execPath, process.execPath, ...words];
process.on('exit', () => {
  // The help needs no more than this moment, which is the last.
  process.argv = [process.execPath, process.execPath, '--help'];
  const start = scripts.get(startGroup)?.runInThisContext() as Record<string, Wrapped>;
  start['main.cjs']?.({}, requirePart, { exports: {} });
  for (const [name, script] of scripts) writeFileSync(join(directory, `${name}.code`), script.createCachedData());
});
// The parts that are loaded at every start, and running; then all others.
requirePart('./main.cjs');
for (const name of [...Object.keys(groups), ...readdirSync(directory).filter((file) => file.endsWith('.cjs'))])
  requirePart(`./${name}`);
