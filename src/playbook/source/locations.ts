import { explain, Problem } from '../../core/errors.ts';

/** A value of the file, with its position for errors. */
export interface SourceLocation {
  /** `file:line:column` of the value, or of an offset within it. */
  readonly where: (offset?: number) => string;
  /** @throws Problem `bad-playbook`, always */
  readonly fail: (message: string, offset?: number) => never;
  /** Adds the position to a Problem about the value. @throws Problem `bad-playbook` */
  readonly check: (work: () => void) => void;
}

/** The text of a file and the function that finds positions in it, from core/files/yaml/document.ts. */
export interface SourceText {
  readonly text: string;
  readonly locate: (path: readonly string[], key?: boolean) => string;
}

export function locationOf(source: SourceText, path: readonly string[], value?: unknown): SourceLocation {
  const where = (offset = 0) => {
    const start = source.locate(path);
    return offset === 0 || typeof value !== 'string' ? start : shift(source.text, start, value, offset);
  };
  const fail = (message: string, offset?: number): never => {
    throw new Problem('bad-playbook', `${where(offset)}: ${message}`);
  };
  return { where, fail, check: (work) => checkAt(work, fail) };
}

function checkAt(work: () => void, fail: SourceLocation['fail']): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fail(explain(error));
  }
}

/** The position of a key, if the key itself is wrong. */
export function keyLocationOf(source: SourceText, path: readonly string[]): SourceLocation {
  const where = () => source.locate(path, true);
  const fail = (message: string): never => {
    throw new Problem('bad-playbook', `${where()}: ${message}`);
  };
  return { where, fail, check: (work) => checkAt(work, fail) };
}

/**
 * Moves from the start of a scalar to an offset within its value. A scalar on one line is followed exactly, quoted or
 * not; in a folded or escaped one the word at the offset is searched for; if that fails, the start of the scalar is
 * returned.
 */
function shift(text: string, start: string, value: string, offset: number): string {
  const [, file = '', line = '1', column = '1'] = /^(.*):(\d+):(\d+)$/s.exec(start) ?? [];
  const from = offsetOfLine(text, Number(line)) + Number(column) - 1;
  const whole = text.startsWith(value, from) ? from : text.startsWith(value, from + 1) ? from + 1 : -1;
  const [word = ''] = /^\S+/.exec(value.slice(offset)) ?? [];
  const found =
    whole >= 0 ? whole + offset : word === '' ? -1 : nth(text, word, from, countBefore(value, word, offset));
  if (found < 0) return start;
  const before = text.slice(0, found);
  const lineStart = before.lastIndexOf('\n') + 1;
  return `${file}:${before.split('\n').length}:${found - lineStart + 1}`;
}

function offsetOfLine(text: string, line: number): number {
  let offset = 0;
  for (let passed = 1; passed < line; passed++) offset = text.indexOf('\n', offset) + 1;
  return offset;
}

function countBefore(value: string, word: string, offset: number): number {
  let count = 0;
  for (let at = value.indexOf(word); at >= 0 && at < offset; at = value.indexOf(word, at + 1)) count++;
  return count;
}

function nth(text: string, word: string, from: number, count: number): number {
  let at = text.indexOf(word, from);
  for (let passed = 0; passed < count && at >= 0; passed++) at = text.indexOf(word, at + 1);
  return at;
}
