import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../errors.ts';

/** One file of a log. */
export interface AuditFile {
  readonly path: string;
  /** Sequence number of its first record, from its name; undefined for the current file. */
  readonly first: number | undefined;
}

/** The longest line that is read: longer than a record of the largest message. */
const longestLine = 16 * 1024 * 1024;

function nameParts(file: string): { stem: string; extension: string } {
  const extension = extname(file);
  return { stem: basename(file, extension), extension };
}

/** The new name of a full file: `audit.jsonl` that begins with record 4711 becomes `audit-000000004711.jsonl`. */
export function archivePath(file: string, first: number): string {
  const { stem, extension } = nameParts(file);
  return join(dirname(file), `${stem}-${String(first).padStart(12, '0')}${extension}`);
}

/**
 * All files of a log in the order of their records, the current one last, if it exists.
 * @throws Problem `unreadable-file` when the directory cannot be read
 */
export async function listAuditFiles(file: string): Promise<AuditFile[]> {
  const directory = dirname(file);
  const names = await readdir(directory).catch((cause: unknown) => {
    throw new Problem('unreadable-file', `${directory} cannot be read: ${explainErrno(cause)}`, '', { cause });
  });
  const archives = names.flatMap((name) => {
    const first = firstInName(file, name);
    return first === undefined ? [] : [{ path: join(directory, name), first }];
  });
  archives.sort((a, b) => a.first - b.first);
  return names.includes(basename(file)) ? [...archives, { path: file, first: undefined }] : archives;
}

/** The sequence number in the name of a full file of a log, as {@link archivePath} makes it; undefined for another name. */
export function firstInName(file: string, name: string): number | undefined {
  const { stem, extension } = nameParts(file);
  if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) return undefined;
  const digits = name.slice(stem.length + 1, name.length - extension.length);
  return /^\d{12,15}$/.test(digits) ? Number(digits) : undefined;
}

/** A line of a file. */
export interface FileLine {
  readonly text: string;
  /** Counts from 1. */
  readonly number: number;
  /** True for a last line without its newline. */
  readonly torn: boolean;
}

/**
 * The lines of a file, split only at newlines: JSON text may contain other characters at which a line reader stops. A
 * file that is gone (retention deleted it meanwhile) has no lines.
 * @throws Problem `malformed` for a line longer than any record, `unreadable-file`
 */
export async function* readFileLines(path: string, signal?: AbortSignal): AsyncGenerator<FileLine> {
  let rest: Buffer[] = [];
  let length = 0;
  let number = 0;
  try {
    for await (const chunk of createReadStream(path, signal === undefined ? {} : { signal })) {
      let from = 0;
      const bytes = chunk as Buffer;
      for (let to = bytes.indexOf(10); to >= 0; to = bytes.indexOf(10, from)) {
        number++;
        yield { text: Buffer.concat([...rest, bytes.subarray(from, to)]).toString('utf8'), number, torn: false };
        rest = [];
        length = 0;
        from = to + 1;
      }
      rest.push(bytes.subarray(from));
      length += bytes.length - from;
      if (length > longestLine)
        throw new Problem('malformed', `${path}:${number + 1}: the line is too long for a record`);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (error instanceof Problem || signal?.aborted === true) throw error;
    throw new Problem('unreadable-file', `${path} cannot be read: ${explainErrno(error)}`, '', { cause: error });
  }
  if (length > 0) yield { text: Buffer.concat(rest).toString('utf8'), number: number + 1, torn: true };
}
