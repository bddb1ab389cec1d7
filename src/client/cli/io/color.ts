import { translateColor } from '../../habits/options.ts';
import { valueIn } from './format.ts';

/**
 * Whether a stream is written in colours: as `--color` says; else on a terminal that supports them, unless NO_COLOR is
 * set (https://no-color.org).
 */
export function usesColors(
  words: readonly string[],
  { NO_COLOR = '', TERM = '' }: Readonly<NodeJS.ProcessEnv>,
  isTerminal: boolean,
): boolean {
  const when = valueIn(translateColor(words), '--color');
  if (when === 'always' || when === 'never') return when === 'always';
  return isTerminal && NO_COLOR === '' && TERM !== 'dumb';
}

/** Whether a terminal can redraw lines: a dumb one, such as that of an editor, would show what moves its cursor. */
export function redrawsLines({ TERM = '' }: Readonly<NodeJS.ProcessEnv>): boolean {
  return TERM !== 'dumb';
}
