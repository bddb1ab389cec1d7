import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { errnoOf } from '../../core/errors.ts';
import type { CommandOptions, CommandResult, RunCommand } from '../../core/ports.ts';
import { isOutOfResources, startProgram } from '../../core/host/start-program.ts';
import { type ProcessTree, findProcessTree, watchProcessTree } from './process-tree.ts';

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const defaultLimit = 64 * 1024;
/** Milliseconds between SIGTERM to a process group and SIGKILL. */
const grace = 1000;
/** Milliseconds for reading the last output of a command that has ended, if others also hold its pipes. */
const afterExit = 300;

/**
 * Runs argv without a shell, in its own session. It has ended when its process has: background processes live on. At
 * the timeout or when cancelled the whole process group receives SIGTERM, then SIGKILL (kill(2) with a negative pid);
 * output beyond the limit is read and dropped, so that a babbling command neither blocks nor grows.
 */
export const runCommand: RunCommand = (argv, options) =>
  new Promise((resolve) => {
    const { signal: cancel } = options;
    if (cancel?.aborted === true) return resolve(notBegun('cancelled'));
    const child = startCommand(argv, options);
    if (child instanceof Error) return resolve(notBegun(whyNotBegun(child, argv[0])));
    const output = collectOutput(child, options);
    let ended: CommandResult['ended'];
    const family = familyOf(child, options);
    const end = endGroup(child, family, (why) => {
      ended ??= why;
    });
    const onAbort = () => end('cancelled');
    const timer = setTimeout(() => end('timeout'), options.timeout);
    cancel?.addEventListener('abort', onAbort, { once: true });
    const endInTime = () => {
      clearTimeout(timer);
      cancel?.removeEventListener('abort', onAbort);
    };
    const unwatch = watch(family, options, () => {
      ended ??= 'too-many-processes';
    });
    let settled = false;
    const settle = (code: number | null, signal: NodeJS.Signals | null) => {
      if (settled) return;
      settled = true;
      endInTime();
      unwatch();
      // A killed process may have chosen its own exit code.
      const how = ended === undefined ? { code } : { code: null, ended };
      resolve({ ...how, signal, ...output.take() });
    };
    child.once('error', (error) => {
      ended ??= whyNotBegun(error, argv[0]);
      settle(null, null);
    });
    child.once('exit', (code, signal) => {
      if (ended !== undefined) return;
      // It is done. A service that it started lives on, and may keep our pipes open.
      endInTime();
      setTimeout(() => {
        settle(code, signal);
        letGo(child);
      }, afterExit);
    });
    child.once('close', settle);
  });

function startCommand([file, ...argv]: Parameters<RunCommand>[0], { cwd, env, stdin }: CommandOptions) {
  // A pipe of Node's is a socket; with it, bash -c believes that it is a remote shell and reads ~/.bashrc.
  const stdio = [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] as const;
  const child = startProgram(file, argv, { ...(cwd === undefined ? {} : { cwd }), env: env ?? { PATH: path }, stdio });
  if (child instanceof Error || stdin === undefined) return child;
  // A command that does not read its input closes the pipe early; that does not fail the call.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  return child;
}

function whyNotBegun(error: Error, file: string): NonNullable<CommandResult['ended']> {
  // The kernel reports a missing interpreter of a script as it does a missing script.
  if (errnoOf(error) === 'ENOENT') return file.startsWith('/') && existsSync(file) ? 'no-interpreter' : 'not-found';
  return isOutOfResources(error) ? 'no-resources' : 'not-permitted';
}

/** Both streams of a command until its output is taken; what comes later is read and dropped. */
function collectOutput(child: ChildProcessWithoutNullStreams, { onOutput, limit }: CommandOptions) {
  let isTaken = false;
  const onLine = onOutput === undefined ? undefined : (line: string) => void (isTaken || onOutput(line));
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => collect(stream, limit, onLine));
  return {
    take: () => {
      isTaken = true;
      return {
        stdout: stdout?.text() ?? '',
        stderr: stderr?.text() ?? '',
        truncated: stdout?.truncated() === true || stderr?.truncated() === true,
      };
    },
  };
}

/**
 * Later output on the pipes is read and dropped, so that its writers neither block nor get SIGPIPE. This does not keep
 * the process alive.
 */
function letGo(child: ChildProcess): void {
  for (const stream of [child.stdout, child.stderr]) (stream as Socket | null)?.unref();
  child.unref();
}

function notBegun(ended: NonNullable<CommandResult['ended']>): CommandResult {
  return { code: null, signal: null, stdout: '', stderr: '', truncated: false, ended };
}

function familyOf({ pid }: ChildProcess, { mark }: CommandOptions): ProcessTree | undefined {
  return pid === undefined || mark === undefined ? undefined : findProcessTree(pid, mark);
}

function watch(family: ProcessTree | undefined, { mostProcesses }: CommandOptions, onTooMany: () => void): () => void {
  if (family === undefined || mostProcesses === undefined) return () => {};
  return watchProcessTree(family, mostProcesses, onTooMany);
}

/**
 * Ends the process group once, and the processes that left it; a child outside of both that kept our pipes is cut off
 * from them.
 */
function endGroup(child: ChildProcess, family: ProcessTree | undefined, note: (why: 'timeout' | 'cancelled') => void) {
  let isEnding = false;
  return (why: 'timeout' | 'cancelled') => {
    if (isEnding || child.pid === undefined) return;
    isEnding = true;
    note(why);
    killGroup(child.pid, 'SIGTERM');
    const pid = child.pid;
    const timer = setTimeout(() => {
      killGroup(pid, 'SIGKILL');
      family?.kill();
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, grace);
    child.once('close', () => {
      clearTimeout(timer);
      killGroup(pid, 'SIGKILL');
      family?.kill();
    });
  };
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}

function collect(stream: Readable, limit = defaultLimit, onOutput?: (line: string) => void) {
  const kept: Buffer[] = [];
  let size = 0;
  let dropped = false;
  const lines = onOutput === undefined ? undefined : splitLines(onOutput);
  stream.on('data', (chunk: Buffer) => {
    lines?.write(chunk);
    const room = limit - size;
    if (chunk.length > room) dropped = true;
    if (room <= 0) return;
    kept.push(chunk.subarray(0, room));
    size += Math.min(chunk.length, room);
  });
  stream.on('end', () => lines?.end());
  return { text: () => Buffer.concat(kept).toString('utf8'), truncated: () => dropped };
}

const longestLine = 4096;

/** Passes on whole lines; a line longer than 4096 characters is split. */
function splitLines(onLine: (line: string) => void) {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  /** @returns what is left */
  const passFull = (text: string): string => {
    let left = text;
    for (; left.length > longestLine; left = left.slice(longestLine)) onLine(left.slice(0, longestLine));
    return left;
  };
  return {
    write(chunk: Buffer): void {
      const parts = (rest + decoder.write(chunk)).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) onLine(passFull(part));
      rest = passFull(rest);
    },
    end(): void {
      if (rest !== '') onLine(rest);
    },
  };
}
