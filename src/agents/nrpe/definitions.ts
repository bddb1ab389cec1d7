import type { BigIntStats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { explainErrno, Problem } from '../../core/errors.ts';
import { parseSettings, type Setting } from './settings.ts';

/** What nrpe.cfg and all that it includes define. */
export interface Definitions {
  /** Command lines by name: the last definition of each. */
  readonly commands: ReadonlyMap<string, string>;
  /** Put before each command line; mostly empty. */
  readonly prefix: string;
  /** Seconds. */
  readonly timeout: number;
  /** What dont_blame_nrpe says: whether any command may take arguments of a caller. */
  readonly takesArguments: boolean;
}

const defaultTimeout = 60;
const deepest = 10;
const mostFiles = 1000;
const largest = 1024 * 1024;

interface Reading {
  readonly commands: Map<string, string>;
  prefix: string;
  timeout: number;
  takesArguments: boolean;
  /** Files and directories that were read, with what tells a change. */
  readonly seen: Map<string, string>;
}

/**
 * Definitions that are read again only when one of the files or directories has changed.
 * @throws Problem (from the returned function) `bad-nrpe-configuration`, `unreadable-file`
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
      return now !== undefined && markOf(now) === mark;
    }),
  );
  return marks.every(Boolean);
}

function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

async function read(file: string): Promise<Reading> {
  const reading: Reading = {
    commands: new Map(),
    prefix: '',
    timeout: defaultTimeout,
    takesArguments: false,
    seen: new Map(),
  };
  await readInto(reading, file, '', 0);
  return reading;
}

/** Reads a file where it is named, so that what comes later wins. `by`: the line that includes it. */
async function readInto(reading: Reading, file: string, by: string, depth: number): Promise<void> {
  const from = by === '' ? '' : ` (included by ${by})`;
  if (depth > deepest) {
    throw new Problem(
      'bad-nrpe-configuration',
      `${file}${from}: files include each other deeper than ${deepest} levels`,
    );
  }
  const text = await withReason(file, from, async () => {
    await note(reading, file);
    return readFile(file, 'utf8');
  });
  for (const setting of parseSettings(text, file)) await apply(reading, setting, file, depth);
}

async function apply(reading: Reading, setting: Setting, file: string, depth: number): Promise<void> {
  switch (setting.kind) {
    case 'command':
      reading.commands.set(setting.name, setting.line);
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
      return readInto(reading, resolve(dirname(file), setting.path), setting.at, depth + 1);
    case 'include-directory':
      return readDirectory(reading, resolve(dirname(file), setting.path), setting.at, depth + 1);
  }
}

/** All `*.cfg` of a directory and those below it, in the order of their names. */
async function readDirectory(reading: Reading, directory: string, by: string, depth: number): Promise<void> {
  const names = await withReason(directory, ` (included by ${by})`, async () => {
    await note(reading, directory);
    return readdir(directory);
  });
  for (const name of names.sort()) {
    const path = join(directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory()) {
      if (depth < deepest) await readDirectory(reading, path, by, depth + 1);
    } else if (found?.isFile() && name.endsWith('.cfg')) await readInto(reading, path, by, depth + 1);
  }
}

async function note(reading: Reading, path: string): Promise<void> {
  const found = await stat(path, { bigint: true });
  reading.seen.set(path, markOf(found));
  if (reading.seen.size > mostFiles) {
    throw new Problem('bad-nrpe-configuration', `${path}: more than ${mostFiles} files are included`);
  }
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
