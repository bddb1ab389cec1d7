import { printableLine } from '../../../core/text.ts';

/** Lines at the bottom of a terminal that are drawn repeatedly, below the permanent output. */
export interface StatusLines {
  /** Draws these instead of the last ones; none clears them. */
  readonly draw: (lines: readonly string[]) => void;
  /** Makes room to write something above them. */
  readonly above: (write: () => void) => void;
}

const mostRows = 16;

/** The number of available rows, also on a terminal that does not report its height. */
function room({ rows }: Pick<NodeJS.WriteStream, 'rows'>): number {
  return Math.max(1, Math.min((rows || mostRows) - 1, mostRows));
}

// ECMA-48: cursor up, erase below; DEC: no wrapping at the right edge, so that a line is one row at any length.
const up = (rows: number) => (rows > 0 ? `\x1b[${rows}A` : '');
const eraseBelow = '\x1b[J';
const noWrap = '\x1b[?7l';
const wrap = '\x1b[?7h';

/** @param terminal where they are drawn: each change in one write, so that it is never visible half done */
export function startStatusLines(terminal: Pick<NodeJS.WriteStream, 'write' | 'rows'>): StatusLines {
  let shown: readonly string[] = [];
  const erasing = () => (shown.length === 0 ? '' : `\r${up(shown.length - 1)}${eraseBelow}`);
  const drawing = () => (shown.length === 0 ? '' : `${noWrap}${shown.join('\n')}${wrap}`);
  return {
    draw: (lines) => {
      const erased = erasing();
      shown = lines.slice(0, room(terminal)).map((line) => printableLine(line.replaceAll(/[\n\t]/g, ' ')));
      const text = erased + drawing();
      if (text !== '') terminal.write(text);
    },
    above: (write) => {
      if (shown.length > 0) terminal.write(erasing());
      write();
      if (shown.length > 0) terminal.write(drawing());
    },
  };
}
