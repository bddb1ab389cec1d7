import type { ProblemCode } from '../../../core/problems/index.ts';
import { connect, type NetConnectOpts } from 'node:net';
import { explainErrno, Problem } from '../../../core/errors.ts';

/** Bytes of an answer: “show stat” of some ten thousand servers. */
const longestAnswer = 8 * 1024 * 1024;

/** The runtime API of one HAProxy process (HAProxy management guide, 9.3). */
export interface Runtime {
  /** Its socket, for messages. */
  readonly name: string;
  /**
   * Sends one command on a connection of its own and returns the answer without blank ends.
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

function ask(where: NetConnectOpts, name: string, command: string, timeout: number, signal: AbortSignal) {
  // `;` begins another command, a line feed too, and a backslash escapes: none may come from outside.
  if (/[^A-Za-z0-9_.:/% -]/.test(command)) {
    throw new Problem('bad-name', 'a name for HAProxy has characters other than letters, digits and _ . : -');
  }
  return new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const socket = connect(where);
    const timer = setTimeout(
      () => fail('haproxy-timeout', `did not answer “${command}” within ${timeout} s`, 'check whether HAProxy hangs'),
      timeout * 1000,
    );
    const onAbort = () => fail('cancelled', `was being asked “${command}” when the call was cancelled`, '');
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
    };
    const fail = (code: ProblemCode, what: string, hint: string, cause?: unknown) => {
      done();
      reject(new Problem(code, `HAProxy at ${name} ${what}`, hint, { cause }));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return onAbort();
    socket.on('error', (cause) => {
      const hint = 'check that HAProxy runs and has this “stats socket”';
      fail('haproxy-unreachable', `cannot be reached: ${explainErrno(cause)}`, hint, cause);
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > longestAnswer)
        fail('haproxy-answer', `answered “${command}” with more than ${longestAnswer} bytes`, '');
    });
    socket.on('end', () => {
      // Even a command with nothing to say is answered by a line feed.
      if (size === 0) return fail('haproxy-answer', `closed the connection without answering “${command}”`, '');
      done();
      resolve(Buffer.concat(chunks).toString('utf8').trim());
    });
    socket.write(`${command}\n`);
  });
}

/** The first line of an answer, for messages. */
export function firstLine(answer: string): string {
  return answer.split('\n', 1)[0]?.slice(0, 200) ?? '';
}
