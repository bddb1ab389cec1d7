import type { ProblemCode } from '../../../core/problems/index.ts';
import { connect, type NetConnectOpts } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startAnswerDeadline } from '../../../core/waiting/deadline.ts';
import { explainErrno, Problem } from '../../../core/errors.ts';

/** The maximum size of an answer: “show stat” of some ten thousand servers. */
const longestAnswer = 8 * 1024 * 1024;
/** Milliseconds before a command is sent again. */
const pauseBetween = 10;
/** How often a read command is sent again after its connection was dropped, before or in the middle of its answer. */
const mostDropped = 2;
/** How often a command is sent again after its connection was refused: for 0.2 s. */
const mostRefused = 20;

/** The runtime API of one HAProxy process (HAProxy management guide, 9.3). */
export interface Runtime {
  /** Its socket, for messages. */
  readonly name: string;
  /**
   * Sends one command on a separate connection and returns the answer without trailing blanks.
   * @throws Problem `haproxy-unreachable`, `haproxy-timeout`, `haproxy-answer` (too long), `cancelled`
   */
  readonly ask: (command: string, signal: AbortSignal) => Promise<string>;
}

/**
 * @param socket an absolute path or HOST:PORT
 * @param timeout seconds for one command
 */
export function defineRuntime(socket: string, timeout: number): Runtime {
  const where = whereIs(socket);
  return { name: socket, ask: (command, signal) => ask(where, socket, command, timeout, signal) };
}

function whereIs(socket: string): NetConnectOpts {
  if (socket.startsWith('/')) return { path: socket };
  const colon = socket.lastIndexOf(':');
  return { host: socket.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(socket.slice(colon + 1)) };
}

/**
 * `;` begins another command, a line feed too, and a backslash escapes: none may come from outside. Only one command may
 * follow, which lowers the health of a server.
 */
const isCommand = /^[A-Za-z0-9_.:/% -]+(; set server [A-Za-z0-9_.:/-]+ health down)?$/;

/** Sends one command. It always ends: with an answer, a failure, `timeout`, or the end of the call. */
async function ask(where: NetConnectOpts, name: string, command: string, timeout: number, signal: AbortSignal) {
  if (!isCommand.test(command)) {
    throw new Problem('bad-name', 'a name for HAProxy has characters other than letters, digits and _ . : -');
  }
  const problem = (code: ProblemCode, what: string, hint = '', cause?: unknown) =>
    new Problem(code, `HAProxy at ${name} ${what}`, hint, { cause });
  const deadline = startAnswerDeadline(timeout * 1000, [signal]);
  try {
    const answer = await exchangeWhenFree(where, command, deadline.signal);
    // Even a command without output is answered by a line feed.
    if (answer === '') throw problem('haproxy-answer', `closed the connection without answering “${command}”`);
    if (answer === undefined)
      throw problem('haproxy-answer', `answered “${command}” with more than ${longestAnswer} bytes`);
    if (isUnknown(command, answer)) throw problem('haproxy-answer', `does not know “${command}”`, masterHint);
    if (isCutOff(command, answer))
      throw problem('haproxy-answer', `closed the connection in the middle of its answer to “${command}”`);
    return answer.trim();
  } catch (cause) {
    if (signal.aborted) throw problem('cancelled', `was being asked “${command}” when the call was cancelled`);
    const late = `did not answer “${command}” within ${timeout} s`;
    if (deadline.passed()) throw problem('haproxy-timeout', late, 'check whether HAProxy hangs');
    if (cause instanceof Problem) throw cause;
    const hint = 'check that HAProxy runs and has this “stats socket”';
    throw problem('haproxy-unreachable', `cannot be reached: ${explainErrno(cause)}`, hint, cause);
  } finally {
    deadline.end();
  }
}

/**
 * A process that is starting or busy accepts no connection for a moment, and its socket keeps only ten connections
 * waiting: one more is refused with EAGAIN (unix(7)). HAProxy runs, so this waits for a place. A process that a reload
 * replaces drops the connections that it has not served. A read is then sent again, to the new process. A change is
 * not: its answer may have been lost after it was made. A process that starts puts its socket in place a moment before
 * it listens there (measured with 2.6: one connection in 7,000 during reloads is refused), and nothing was sent then.
 */
async function exchangeWhenFree(where: NetConnectOpts, command: string, signal: AbortSignal) {
  let refused = 0;
  for (let dropped = isReading(command) ? 0 : mostDropped; ; ) {
    try {
      const answer = await exchange(where, command, signal);
      const isWhole =
        answer === undefined || isUnknown(command, answer) || !(answer === '' || isCutOff(command, answer));
      if (isWhole || dropped++ >= mostDropped) return answer;
    } catch (failure) {
      const { code } = failure as NodeJS.ErrnoException;
      const mayListenSoon = code === 'ECONNREFUSED' && refused++ < mostRefused;
      const again = code === 'EAGAIN' || mayListenSoon || (isDrop(code) && dropped++ < mostDropped);
      if (!again) throw failure;
    }
    await delay(pauseBetween, undefined, { signal });
  }
}

function isReading(command: string): boolean {
  return /^(show|help)\b/.test(command);
}

/**
 * Whether the rest of an answer is missing: an empty line ends each. What is there of the servers would be taken for all
 * of them. (Of the answer to a change one byte is enough: any text in it is an error.)
 */
function isCutOff(command: string, answer: string): boolean {
  return command.startsWith('show ') && !answer.endsWith('\n\n') && answer !== '\n';
}

/** The socket of a master process (`-S`) knows other commands, and keeps a connection open after its answer. */
function isUnknown(command: string, answer: string): boolean {
  return command.startsWith('show ') && answer.startsWith(unknownCommand);
}

const unknownCommand = 'Unknown command';
const masterHint = 'name a “stats socket” of HAProxy: the socket of its master (“-S”) leads to no servers';

function isDrop(code: string | undefined): boolean {
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** @returns the whole answer; undefined for one that is too long */
function exchange(where: NetConnectOpts, command: string, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const socket = connect({ ...where, signal });
    const end = (answer: string | undefined) => {
      resolve(answer);
      socket.destroy();
    };
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > longestAnswer) end(undefined);
      else if (isUnknown(command, chunks[0]?.toString('latin1') ?? '')) end(unknownCommand);
    });
    socket.on('end', () => end(Buffer.concat(chunks).toString('utf8')));
    socket.write(`${command}\n`);
  });
}

/** The first line of an answer, for messages. */
export function firstLine(answer: string): string {
  return answer.split('\n', 1)[0]?.slice(0, 200) ?? '';
}
