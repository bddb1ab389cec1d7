import { Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { type FileKind, isFileKind, pathIn } from '../../core/node-files/kinds.ts';
import { sumOf } from '../../core/node-files/list.ts';

/** The desired content of a file; without content it is removed. */
export interface NewFile {
  readonly kind: FileKind;
  readonly name: string;
  /** Below the directory of the configuration. */
  readonly place: string;
  readonly content: string | undefined;
}

export interface Change {
  /** The sum over the files that the operator saw. */
  readonly previous: string;
  readonly files: readonly NewFile[];
}

const mostFiles = 500;
const largestFile = 512 * 1024;

/**
 * Reads the change that an operator requests. The helper runs as root, so it trusts no check of the daemon.
 * @throws Problem `invalid-input`
 */
export function parseChange({ previous, files, sums }: JsonObject): Change {
  if (typeof previous !== 'string' || !/^[0-9a-f]{64}$/.test(previous)) throw bad('“previous” is not a sum');
  if (!Array.isArray(files) || files.length === 0) throw bad('there are no files in it');
  if (files.length > mostFiles) throw bad(`it has more than ${mostFiles} files`);
  const parsed = files.map(parseFile);
  const places = new Set(parsed.map(({ place }) => place));
  if (places.size !== parsed.length) throw bad('a file is in it twice');
  checkSums(parsed, sums);
  return { previous, files: parsed };
}

function parseFile(value: unknown): NewFile {
  if (!isObject(value)) throw bad('a file is not an object');
  const { kind, name, content } = value;
  if (!isFileKind(kind)) throw bad(`“${shown(kind)}” is not a kind of files`);
  const place = typeof name === 'string' ? pathIn(kind, name) : undefined;
  if (place === undefined) throw bad(`“${shown(name)}” is not a valid name of a file of the kind “${kind}”`);
  if (content !== null && typeof content !== 'string') throw bad(`${place} has no content`);
  if (typeof content === 'string' && content.length > largestFile)
    throw bad(`${place} is larger than ${largestFile} bytes`);
  if (typeof content === 'string' && content.includes('\0')) throw bad(`${place} holds a NUL`);
  return { kind, name: String(name), place, content: content ?? undefined };
}

/** The audit log stores the sums and not the contents: both must match. */
function checkSums(files: readonly NewFile[], sums: unknown): void {
  const listed = new Map<string, unknown>(
    Array.isArray(sums) ? sums.filter(isObject).map(({ kind, name, sha256 }) => [`${kind}/${name}`, sha256]) : [],
  );
  const isSame = ({ kind, name, content }: NewFile) =>
    listed.get(`${kind}/${name}`) === (content === undefined ? '' : sumOf(content));
  if (listed.size !== files.length || !files.every(isSame)) throw bad('“sums” does not list the files');
}

function shown(value: unknown): string {
  return String(value).slice(0, 80);
}

function bad(what: string): Problem {
  return new Problem('invalid-input', `the change cannot be applied: ${what}`);
}
