/** The text of a script and the positions in it. */
import { Problem } from '../core/errors.ts';

/** A script as it was read. */
export interface ScriptSource {
  /** Its name in messages: its path, or the name of a shipped one. */
  readonly file: string;
  readonly text: string;
}

/** A character of a script. */
export interface SourcePosition {
  readonly source: ScriptSource;
  /** Its offset. */
  readonly at: number;
}

/** `file:line:column`, both counted from 1. */
export function where({ source: { file, text }, at }: SourcePosition): string {
  const before = text.slice(0, at);
  const start = before.lastIndexOf('\n') + 1;
  return `${file}:${before.split('\n').length}:${at - start + 1}`;
}

export function lineOf({ source: { text }, at }: SourcePosition): number {
  return text.slice(0, at).split('\n').length;
}

/** @throws Problem `bad-script` with the position and one sentence, always */
export function failAt(position: SourcePosition, message: string, hint = ''): never {
  throw new Problem('bad-script', `${where(position)}: ${message}`, hint);
}

/** Adds the position to a Problem about a value. @throws Problem `bad-script` */
export function withPosition<T>(position: SourcePosition, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'bad-script') throw error;
    return failAt(position, error.message.split('\n')[0] ?? '', error.hint);
  }
}
