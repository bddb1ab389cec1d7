// Runs commands of the program, and its help, and writes V8's code for its parts, with the functions in it that ran: so the
// binary need not compile them again. Run by the very Node and with the very flags of the binary: other code is not taken by it.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Script } from 'node:vm';
import { startGroup } from './groups.ts';
import { defineRequire, type Wrapped } from './load.ts';

const [directory = '', list = '[]'] = process.argv.slice(2);
const commands = JSON.parse(list) as string[][];
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

/** Runs the program again, with all that it has loaded. */
function run(...words: readonly string[]): void {
  process.argv = [process.execPath, process.execPath, ...words];
  const start = scripts.get(startGroup)?.runInThisContext() as Record<string, Wrapped> | undefined;
  if (start === undefined) requirePart('./main.cjs');
  else start['main.cjs']?.({}, requirePart, { exports: {} });
}

const { exit } = process;
// A command ends the process, which is kept for the next one, unless it fails.
process.exit = ((code = process.exitCode) => {
  if (Number(code ?? 0) !== 0) exit(code);
}) as typeof exit;
// Nor may it give its place to another program, when the next one has taken over its grace period.
Object.assign(process, { execve: undefined });
process.on('beforeExit', () => {
  const next = commands.shift();
  if (next === undefined) return exit();
  process.exitCode = 0;
  run(...next);
});
process.on('exit', () => {
  // The help needs no more than this moment, which is the last.
  run('--help');
  for (const [name, script] of scripts) writeFileSync(join(directory, `${name}.code`), script.createCachedData());
});
run(...(commands.shift() ?? []));
// The parts that are loaded at every start, and running; then all others.
for (const name of [...Object.keys(groups), ...readdirSync(directory).filter((file) => file.endsWith('.cjs'))])
  requirePart(`./${name}`);
