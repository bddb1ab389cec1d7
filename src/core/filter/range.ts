import { Problem } from '../errors.ts';
import { faultAt } from './fault.ts';
import type { Match } from './pattern.ts';

/** Part of a text, by UTF-16 offsets; faults are shown in the whole text. */
export interface Range {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Makes a pattern, or throws Problem `bad-pattern`. */
export type Compile = (source: string) => Match;

/** The whole text, without the spaces around it. */
export function wholeOf(text: string): Range {
  return trimmed({ text, start: 0, end: text.length });
}

export function trimmed({ text, start, end }: Range): Range {
  let from = start;
  let to = end;
  while (from < to && /\s/.test(text[from] ?? '')) from++;
  while (to > from && /\s/.test(text[to - 1] ?? '')) to--;
  return { text, start: from, end: to };
}

export function textOf({ text, start, end }: Range): string {
  return text.slice(start, end);
}

/** @throws Problem `bad-filter` with the position of the pattern, for errors of `compile` */
export function compileAt(range: Range, compile: Compile): Match {
  try {
    return compile(textOf(range));
  } catch (cause) {
    if (!(cause instanceof Problem)) throw cause;
    throw faultAt(range.text, range.start, cause.message, cause.hint, { cause });
  }
}
