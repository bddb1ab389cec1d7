import type { CliContext } from '../context.ts';

/** The end of a command: what is printed last, once. */
export interface Closing extends Pick<CliContext, 'out' | 'err' | 'last' | 'exit'> {
  readonly hasEnded: () => boolean;
  /** Whether a line that names the next command is kept back. */
  readonly hasLast: () => boolean;
}

/**
 * Keeps back the lines that name the next command: whatever else a command still prints (leases that are not released,
 * reports and caches that cannot be written) comes before them. Nothing is printed after its exit code is set.
 */
export function startClosing({ out, err, exit }: Pick<CliContext, 'out' | 'err' | 'exit'>): Closing {
  const held: (() => void)[] = [];
  let ended = false;
  const unlessEnded = (print: (line: string) => void) => (line: string) => {
    if (!ended) print(line);
  };
  return {
    out: unlessEnded(out),
    err: unlessEnded(err),
    last: (line, stream = 'err') => void held.push(() => (stream === 'out' ? out(line) : err(line))),
    exit: (code) => {
      for (const print of held.splice(0)) print();
      ended = true;
      exit(code);
    },
    hasEnded: () => ended,
    hasLast: () => held.length > 0,
  };
}
