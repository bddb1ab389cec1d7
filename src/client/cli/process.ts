import { printableLine } from '../../core/text.ts';
import type { CliContext } from './context.ts';
import { startStatusLines } from '../render/status-lines.ts';

/** Milliseconds that what was begun may take to end by itself, once a command is done. */
const grace = 300;

/** The context of a real process: its streams, its signals, its exit code. */
export function startContext(): CliContext {
  const stop = new AbortController();
  const kill = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) kill.abort();
    stop.abort();
  };
  // A reader that has gone (`mco-deploy find | head -1`) is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
  });
  const watching = { done: false };
  const isTerminal = process.stdout.isTTY === true;
  const passing = process.stderr.isTTY === true ? startStatusLines(process.stderr) : undefined;
  // Names, facts and messages come from nodes, and whoever is shown them must not be led astray by one.
  const say = (stream: NodeJS.WriteStream, line: string) => {
    const write = () => void stream.write(`${printableLine(line)}\n`);
    if (passing !== undefined && stream.isTTY) passing.above(write);
    else write();
  };
  return {
    env: process.env,
    stdin: process.stdin,
    out: (line) => say(process.stdout, line),
    err: (line) => say(process.stderr, line),
    ...(passing === undefined ? {} : { status: passing.draw }),
    isTerminal,
    get signal() {
      // Signals are only caught by commands that heed them: the others end at once, as ever.
      if (!watching.done) for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal);
      watching.done = true;
      return stop.signal;
    },
    kill: kill.signal,
    exit: (code) => {
      process.exitCode = code;
      passing?.draw([]);
      // All is done by then: what may still hang is a connection to a host that does not answer.
      setTimeout(() => process.exit(), grace).unref();
    },
  };
}
