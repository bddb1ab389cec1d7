import type { Command } from 'commander';

/** The environment of a command: nothing below reads `process` by itself. */
export interface CliContext {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** The command line as it was typed, quoted for a shell. */
  readonly command?: string;
  readonly stdin: NodeJS.ReadStream;
  /** True when standard input is neither a terminal nor /dev/null nor closed: a list of nodes may come from there. */
  readonly hasInput?: boolean;
  /** Writes a line to standard output: results, and nothing else. */
  readonly out: (line: string) => void;
  /** Writes a line to standard error: progress, warnings, errors. */
  readonly err: (line: string) => void;
  /** Shows passing lines at the bottom of the terminal, in place of the last ones; absent where standard error is none. */
  readonly status?: (lines: readonly string[]) => void;
  /** Whether text may be painted (render/color.ts). */
  readonly colors?: boolean;
  /** Columns of the terminal that standard output is; absent elsewhere. */
  readonly columns?: number;
  /** True when standard output is a terminal, so that a live view and colours make sense. */
  readonly isTerminal: boolean;
  /** Aborted when nobody reads standard output any more; what prints until it is stopped, stops then. */
  readonly readerGone?: AbortSignal;
  /**
   * Aborted by the first Ctrl-C, SIGTERM or SIGHUP, with its meaning in words as the reason: current work is finished,
   * nothing new is started.
   */
  readonly signal: AbortSignal;
  /** Aborted by the second: what is in hand is given up, too. */
  readonly kill: AbortSignal;
  /** Sets the exit code of the program. */
  readonly exit: (code: number) => void;
  /** For what changes nodes: the exit code is what became of them, whatever happens to the output. */
  readonly keepExitCode?: () => void;
}

/** One command: its words and options at hand, its code loaded only when it is run. */
export interface CommandEntry {
  readonly name: string;
  /** Adds the command to the program; its action loads the code, runs it and calls `context.exit`. */
  readonly define: (program: Command, context: CliContext) => void;
}

/** Exit codes, the first that applies (docs/commands.md). */
export const exitCode = {
  ok: 0,
  nothingDiscovered: 1,
  someFailed: 2,
  nobodyReplied: 3,
  someSilent: 5,
  usage: 64,
  internal: 70,
  outputLost: 74,
  allRefused: 77,
  interrupted: 130,
} as const;
