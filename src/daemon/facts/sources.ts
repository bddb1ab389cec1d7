import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { requireOwn } from '../../core/credentials/ownership.ts';
import { errnoOf } from '../../core/errors.ts';
import { isLeftOver } from '../../core/files/left-over.ts';
import { readRegular } from '../../core/files/read-input.ts';
import type { RunCommand } from '../../core/ports.ts';
import type { ReadFacts } from './representable.ts';
import { decodeFacts, parseJsonFacts, parsePrintedFacts, parseYamlFacts } from './text.ts';

/** Bytes of a file, or of what a program prints. */
const largest = 4 * 1024 * 1024;
const mostFiles = 256;
/** Milliseconds that a program may take. */
const patience = 5000;
const mostProcesses = 64;

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface FactSources {
  /** Files of JSON and YAML, and programs that print them, in the order of names. */
  readonly files: readonly string[];
  /** A line for each other file: somebody expects facts from it. */
  readonly warnings: readonly string[];
}

/** The content of a directory of facts. */
export async function factSources(directory: string): Promise<FactSources> {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { files: [], warnings: [] };
    throw error;
  }
  const files: string[] = [];
  const warnings: string[] = [];
  for (const name of names.filter((one) => !one.startsWith('.')).sort()) {
    const file = join(directory, name);
    const isSource = isData(name) || (await isProgram(file));
    if (isSource && files.length < mostFiles) files.push(file);
    else if (isSource || !isLeftOver(name)) warnings.push(`${file} is not read: ${isSource ? tooMany : otherEnding}`);
  }
  return { files, warnings };
}

const tooMany = `only the first ${mostFiles} files of a directory are`;
const otherEnding = 'files of facts end with .json or .yaml, and programs are executable';

function isData(name: string): boolean {
  return /\.(json|ya?ml)$/.test(name);
}

async function isProgram(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true && (found.mode & constants.S_IXUSR) !== 0;
}

/** Changes whenever a file of facts does; undefined for programs, and for missing files. */
export async function stampOf(file: string): Promise<string | undefined> {
  if (!isData(basename(file))) return undefined;
  const found = await stat(file, { bigint: true }).catch(() => undefined);
  return found && [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}

/** @throws Error or Problem with the reason */
export async function readSource(file: string, run: RunCommand): Promise<ReadFacts> {
  if (!isData(basename(file))) return runProgram(file, run);
  const { text, isWhole } = decodeFacts(await readRegular(file, largest));
  return file.endsWith('.json') ? parseJsonFacts(text, isWhole) : parseYamlFacts(text, isWhole);
}

/** A program runs with the daemon's rights: nobody else may have written it or its directory. */
async function runProgram(file: string, run: RunCommand): Promise<ReadFacts> {
  await requireOwn(dirname(file), 'directory');
  await requireOwn(file, 'program');
  const call = randomUUID();
  const env = { PATH: path, MCO_DEPLOY_FACTS: call };
  const mark = `MCO_DEPLOY_FACTS=${call}`;
  const options = { cwd: '/', env, mark, timeout: patience, limit: largest, mostProcesses };
  const { code, signal, ended, stdout, truncated } = await run([file], options);
  if (ended === 'timeout') throw new Error(`it did not end within ${patience / 1000} s and was killed`);
  if (ended !== undefined) throw new Error(`it cannot be run (${ended})`);
  if (code !== 0) throw new Error(code === null ? `it was ended by ${signal}` : `it ended with exit code ${code}`);
  if (truncated) throw new Error(`it printed more than ${largest} bytes`);
  return parsePrintedFacts(stdout);
}
