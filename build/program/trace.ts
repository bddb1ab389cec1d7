// Runs a command of the program, and writes which of its parts that loaded: their names, as JSON.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { defineRequire, wrap } from './load.ts';

const [directory = '', list = '', ...words] = process.argv.slice(2);
const loaded: string[] = [];

const requirePart = defineRequire(
  (name) => {
    const file = join(directory, name);
    return existsSync(file) ? { source: wrap(readFileSync(file, 'utf8')), code: undefined } : undefined;
  },
  createRequire(import.meta.filename),
  (name) => void loaded.push(name),
);

process.argv = [process.execPath, process.execPath, ...words];
process.on('exit', () => {
  writeFileSync(list, JSON.stringify(loaded));
  // How the command ended does not matter here.
  process.exitCode = 0;
});
requirePart('./main.cjs');
