import type { BigIntStats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { readRegular } from '../../../core/files/read-input.ts';
import { parseSettings, type Setting } from './settings.ts';

/** The definitions in nrpe.cfg and all included files. */
export interface Definitions {
  /** Command lines by name: the last definition of each. */
  readonly commands: ReadonlyMap<string, string>;
  /** The prefix of each command line; usually empty. */
  readonly prefix: string;
  /** Seconds. */
  readonly timeout: number;
  /** Unusable lines, each with its file and number. The other definitions work. */
  readonly faults: readonly string[];
  /** Why a check is not defined although a line names it. */
  readonly undefinable: ReadonlyMap<string, string>;
  /** The value of dont_blame_nrpe: whether any command may accept arguments of a caller. */
  readonly takesArguments: boolean;
}

const defaultTimeout = 60;
const mostFiles = 1000;
const largest = 1024 * 1024;

interface Reading {
  readonly commands: Map<string, string>;
  prefix: string;
  timeout: number;
  takesArguments: boolean;
  readonly faults: string[];
  readonly undefinable: Map<string, string>;
  /** Files and directories that were read, or looked for, with stamps that show a change. */
  readonly seen: Map<string, string>;
}

/**
 * Definitions that are read again only when one of the files or directories has changed. As in NRPE's own daemon, an
 * unreadable include does not affect the other definitions.
 * @throws Problem (from the returned function) `bad-nrpe-configuration`, `unreadable-file` when the file itself cannot
 * be read
 */
export function cacheDefinitions(file: string): () => Promise<Definitions> {
  let known: Reading | undefined;
  return async () => {
    if (known === undefined || !(await isCurrent(known))) known = await read(file);
    return known;
  };
}

async function isCurrent(reading: Reading): Promise<boolean> {
  const marks = await Promise.all(
    [...reading.seen].map(async ([path, mark]) => {
      const now = await stat(path, { bigint: true }).catch(() => undefined);
      return mark === (now === undefined ? absent : markOf(now));
    }),
  );
  return marks.every(Boolean);
}

/** Stands for a file that is not there. */
const absent = '';

function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

async function read(file: string): Promise<Reading> {
  const reading: Reading = {
    commands: new Map(),
    prefix: '',
    timeout: defaultTimeout,
    takesArguments: false,
    faults: [],
    undefinable: new Map(),
    seen: new Map(),
  };
  await readInto(reading, file, '', []);
  return reading;
}

/**
 * Reads a file where it is included, so that later definitions win.
 * @param by the line that includes it
 * @param within the files and directories that led here
 */
async function readInto(reading: Reading, file: string, by: string, within: readonly string[]): Promise<void> {
  const from = by === '' ? '' : ` (included by ${by})`;
  const text = await withReason(file, from, async () => {
    await note(reading, file);
    return (await readRegular(file, largest)).toString('utf8');
  });
  for (const setting of parseSettings(text, file)) await apply(reading, setting, file, [...within, file]);
}

async function apply(reading: Reading, setting: Setting, file: string, within: readonly string[]): Promise<void> {
  switch (setting.kind) {
    case 'command':
      reading.commands.set(setting.name, setting.line);
      reading.undefinable.delete(setting.name);
      return;
    case 'fault':
      reading.faults.push(setting.why);
      if (setting.command !== undefined) {
        reading.commands.delete(setting.command);
        reading.undefinable.set(setting.command, setting.why);
      }
      return;
    case 'prefix':
      reading.prefix = setting.line;
      return;
    case 'timeout':
      reading.timeout = setting.seconds;
      return;
    case 'arguments':
      reading.takesArguments = setting.allowed;
      return;
    case 'include':
      return orFault(reading, () => includeFile(reading, resolve(dirname(file), setting.path), setting.at, within));
    case 'include-directory':
      return orFault(reading, () => readDirectory(reading, resolve(dirname(file), setting.path), setting.at, within));
  }
}

/** An unusable include is reported, and the rest is read. */
async function orFault(reading: Reading, include: () => Promise<void>): Promise<void> {
  try {
    await include();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    reading.faults.push(error.message);
  }
}

async function includeFile(reading: Reading, file: string, by: string, within: readonly string[]): Promise<void> {
  if (within.includes(file)) throw circle(file, by);
  return readInto(reading, file, by, within);
}

function circle(path: string, by: string): Problem {
  return new Problem('bad-nrpe-configuration', `${path} (included by ${by}) includes itself`);
}

/** All `*.cfg` of a directory and its subdirectories, in the order of their names. */
async function readDirectory(
  reading: Reading,
  configured: string,
  by: string,
  within: readonly string[],
): Promise<void> {
  const [directory, names] = await withReason(configured, ` (included by ${by})`, async () => {
    await note(reading, configured);
    return [await realpath(configured), await readdir(configured)] as const;
  });
  if (within.includes(directory)) throw circle(configured, by);
  const inside = [...within, directory];
  for (const name of names.sort()) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) await orFault(reading, () => readDirectory(reading, path, by, inside));
    else if (found === undefined ? name.endsWith('.cfg') : found.isFile() && name.endsWith('.cfg'))
      await orFault(reading, () => includeFile(reading, path, by, inside));
  }
}

async function note(reading: Reading, path: string): Promise<void> {
  reading.seen.set(path, absent);
  if (reading.seen.size > mostFiles) {
    throw new Problem('bad-nrpe-configuration', `${path}: more than ${mostFiles} files are included`);
  }
  const found = await stat(path, { bigint: true });
  reading.seen.set(path, markOf(found));
  if (found.isFile() && found.size > largest) {
    throw new Problem('bad-nrpe-configuration', `${path}: it is larger than ${largest} bytes`);
  }
  if (!found.isFile() && !found.isDirectory()) {
    throw new Problem('bad-nrpe-configuration', `${path}: it is neither a file nor a directory`);
  }
}

async function withReason<T>(path: string, from: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreadable-file', `${path}${from} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
