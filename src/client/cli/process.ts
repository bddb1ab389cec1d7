import { fstatSync } from 'node:fs';
import { explainErrno } from '../../core/errors.ts';
import { printableLine } from '../../core/text.ts';
import { collectSooner } from './collect-sooner.ts';
import { exitCode, type ProcessContext } from './context.ts';
import { type Output, openOutputs } from './io/output.ts';
import { shellWord } from './shell-word.ts';
import { startStatusLines } from '../render/live/status-lines.ts';
import { escapeCiCommands } from './io/ci-commands.ts';
import { redrawsLines, usesColors } from './io/color.ts';
import { applyColors, paintFor, paintMessage } from '../render/color.ts';
import { watchSignals } from './io/signals.ts';

/** A terminal and /dev/null are character devices; Node opens /dev/null instead of a closed descriptor. */
function isPipeOrFile(descriptor: number): boolean {
  try {
    return !fstatSync(descriptor).isCharacterDevice();
  } catch {
    return false;
  }
}

/** Milliseconds for open connections to close by themselves once a command is done. */
const grace = 300;
/** Milliseconds: the longest that a timer of Node can wait. */
const longest = 2 ** 31 - 1;

/** The context of a real process: its streams, its signals, its exit code. */
export function startContext(): ProcessContext {
  const { out, err } = openOutputs();
  const isLive = err.isTerminal && !out.isPipe && redrawsLines(process.env);
  const status = isLive ? startStatusLines(terminalOf(err.write)) : undefined;
  const signals = watchSignals(process.env);
  let keepsExitCode = false;
  // Without it, a command that waits for what does not keep Node running would end with 0 before its work is done.
  const working = setInterval(() => {}, longest);
  // Names, facts and messages come from nodes: none of them may control the terminal.
  const words = process.argv.slice(2);
  const colored = new Map([out, err].map((output) => [output, usesColors(words, process.env, output.isTerminal)]));
  const paint = paintFor({ colors: colored.get(err) === true });
  const withoutCommands = escapeCiCommands(process.env);
  const say = (output: Output, line: string) => print(output, withoutCommands(line));
  const print = (output: Output, line: string) => {
    const { write, isTerminal } = output;
    const text = `${applyColors(printableLine(line), colored.get(output) === true)}\n`;
    if (status !== undefined && isTerminal) status.above(() => write(text));
    else write(text);
  };
  return {
    env: process.env,
    get stdin() {
      return process.stdin;
    },
    get hasInput() {
      return isPipeOrFile(0);
    },
    command: ['mco-deploy', ...words].map(shellWord).join(' '),
    out: (line) => say(out, line),
    err: (line) => say(err, paintMessage(line, paint)),
    ciCommand: (line) => print(err, line),
    ...(status === undefined ? {} : { status: status.draw }),
    colors: [...colored.values()].includes(true),
    ...(out.isTerminal && process.stdout.columns > 0 ? { columns: process.stdout.columns } : {}),
    isTerminal: out.isTerminal,
    readerGone: out.closed,
    get signal() {
      return signals.stop();
    },
    kill: signals.kill,
    onMany: collectSooner,
    keepExitCode: () => {
      keepsExitCode = true;
    },
    exit: (code) => {
      clearInterval(working);
      process.exitCode = code;
      status?.draw([]);
      void end(out, err, keepsExitCode);
    },
  };
}

/** Ends the program once all its output was written: a slow reader gets everything. */
async function end(out: Output, err: Output, keepsExitCode: boolean): Promise<void> {
  await out.drained();
  const failure = out.failure();
  if (failure !== undefined) {
    // A person who closed the pipe or the terminal knows; other tools are silent then, too.
    if (!out.closed.aborted)
      err.write(`mco-deploy: standard output could not be written: ${explainErrno(failure)}: part of it is missing\n`);
    if (!keepsExitCode && process.exitCode === exitCode.ok) process.exitCode = exitCode.hostFailed;
  }
  await err.drained();
  // All is done by then: only a connection to a host that does not answer, or a call of the file system, may still hang.
  setTimeout(leave, grace).unref();
  // Nothing is left to do: the process ends without freeing the heap piece by piece.
  process.once('beforeExit', () => process.exit());
}

/**
 * Ends the program with its exit code. process.exit() waits for calls of the file system, so also for a read of a pipe
 * that nobody writes to; a program that takes the place of this one does not.
 */
function leave(): void {
  const hangs = process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));
  if (hangs) process.execve?.('/bin/sh', ['sh', '-c', `exit ${Number(process.exitCode ?? exitCode.ok)}`], {});
  process.exit();
}

/** A lost terminal must not end the program by an error event. */
function terminalOf(write: (text: string) => void): { write: (text: string) => boolean; rows: number } {
  process.stderr.on('error', () => {});
  return {
    write: (text) => {
      write(text);
      return true;
    },
    get rows() {
      return process.stderr.rows;
    },
  };
}
