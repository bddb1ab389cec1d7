import type { Command } from 'commander';

/** The environment of a command: the code below never reads `process` by itself. */
export interface CliContext {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** The typed command line, quoted for a shell. */
  readonly command?: string;
  readonly stdin: NodeJS.ReadStream;
  /** True when standard input is neither a terminal nor /dev/null nor closed: a list of nodes may come from there. */
  readonly hasInput?: boolean;
  /** Writes a line to standard output: only results. */
  readonly out: (line: string) => void;
  /** Writes a line to standard error: progress, warnings, errors. */
  readonly err: (line: string) => void;
  /** Prints a line that names the next command, after all that the command prints otherwise; by default to standard error. */
  readonly last: (line: string, stream?: 'out' | 'err') => void;
  /** Writes a command for a CI system to standard error; all other lines in a job begin none. */
  readonly ciCommand?: (line: string) => void;
  /**
   * Shows passing lines at the bottom of the terminal, instead of the last ones; absent if standard error is not a
   * terminal.
   */
  readonly status?: (lines: readonly string[]) => void;
  /** Whether text may be coloured (render/color.ts). */
  readonly colors?: boolean;
  /** The width of the terminal of standard output; absent elsewhere. */
  readonly columns?: number;
  /** True when standard output is a terminal, so that a live view and colours make sense. */
  readonly isTerminal: boolean;
  /** Aborted when nobody reads standard output any more; commands that print until they are stopped then stop. */
  readonly readerGone?: AbortSignal;
  /**
   * Aborted by the first Ctrl-C, SIGTERM or SIGHUP, with its meaning in words as the reason: current work is finished,
   * nothing new is started.
   */
  readonly signal: AbortSignal;
  /** Aborted by the second: current work is cancelled, too. */
  readonly kill: AbortSignal;
  /** Sets the exit code of the program. */
  readonly exit: (code: number) => void;
  /** Called when a command talks to many nodes, at the first of them beyond some hundred. */
  readonly onMany?: () => void;
  /** For commands that change nodes: the exit code reports the result on the nodes, whatever happens to the output. */
  readonly keepExitCode?: () => void;
}

/** The same, before a command runs in it. */
export type ProcessContext = Omit<CliContext, 'last'>;

/** One command: its words and options are defined at once, its code is loaded only when it runs. */
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
  unavailable: 69,
  internal: 70,
  hostFailed: 74,
  tryLater: 75,
  allRefused: 77,
  interrupted: 130,
} as const;
