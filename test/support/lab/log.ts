import { statSync, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type LabState, rootOf } from './state.ts';

/** One line of a log, with its fields. */
export interface LogLine {
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** A file of JSON lines that a host's process writes, as seen from outside. */
export interface LogFile {
  readonly file: string;
  readonly size: () => number;
  /** The lines from a byte on. */
  readonly lines: (from: number) => Promise<LogLine[]>;
}

export function logOf(lab: Pick<LabState, 'directory' | 'holders'>, host: string, path: string): LogFile {
  const file = join(rootOf(lab, host), path);
  return { file, size: () => statSync(file).size, lines: (from) => readLines(file, from) };
}

async function readLines(file: string, from: number): Promise<LogLine[]> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.max(0, size - from)), 0, null, from);
    const text = buffer.toString('utf8', 0, bytesRead);
    // A line without its end is still being written.
    return text.split('\n').slice(0, -1).map(parseLine);
  } finally {
    await handle.close();
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { msg: line };
  }
}

/**
 * The first line from a byte on with that message.
 * @throws Error with the whole log from there when the process ended before it
 */
export async function waitForLine(log: LogFile, from: number, message: string): Promise<LogLine> {
  return waitForLines(
    log,
    (lines) => {
      const found = lines.find(({ msg }) => msg === message);
      if (found !== undefined) return found;
      if (!lines.some(({ msg }) => msg === 'exited')) return undefined;
      const said = lines.map((line) => JSON.stringify(line)).join('\n');
      throw new Error(`the process ended and never said “${message}”:\n${said}`);
    },
    from,
  );
}

/** Milliseconds after which what is waited for will not come: a lab that hangs must fail, and say on what. */
const longest = 120_000;

/** Asks after every change of the file until there is an answer. @throws Error with the end of the log when none comes */
export async function waitForLines<T>(log: LogFile, find: (lines: LogLine[]) => T | undefined, from = 0): Promise<T> {
  const { promise: changed, resolve, reject } = Promise.withResolvers<T>();
  let busy = Promise.resolve();
  const look = () => {
    busy = busy.then(async () => {
      const found = find(await log.lines(from));
      if (found !== undefined) resolve(found);
    });
    busy.catch(reject);
  };
  const watcher = watch(log.file, look);
  const timer = setTimeout(async () => {
    const end = (await log.lines(from)).slice(-5).map((line) => JSON.stringify(line));
    reject(new Error(`${log.file}: what was waited for did not come; its end:\n${end.join('\n')}`));
  }, longest);
  look();
  try {
    return await changed;
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}
