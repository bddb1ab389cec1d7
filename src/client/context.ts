import type { Command } from 'commander';

/** The world around a command: nothing below reads `process` by itself. */
export interface CliContext {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  readonly stdin: NodeJS.ReadStream;
  /** Writes a line to standard output: results, and nothing else. */
  readonly out: (line: string) => void;
  /** Writes a line to standard error: progress, warnings, errors. */
  readonly err: (line: string) => void;
  /** True when standard output is a terminal, so that a live view and colours make sense. */
  readonly isTerminal: boolean;
  /** Aborted by the first Ctrl-C (or SIGTERM). */
  readonly signal: AbortSignal;
  /** Sets the exit code of the program. */
  readonly exit: (code: number) => void;
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
  allRefused: 77,
  interrupted: 130,
} as const;
