import { fstatSync, type Stats, write } from 'node:fs';
import { isatty } from 'node:tty';

/** The output of a command: a file, a pipe or a terminal. Writing never waits and never throws. */
export interface Output {
  readonly isTerminal: boolean;
  /** Another program reads it and may draw on the terminal itself, as a pager does. */
  readonly isPipe: boolean;
  readonly write: (text: string) => void;
  /** Resolves when all text was written or lost. */
  readonly drained: () => Promise<void>;
  /** Aborted when nobody reads any more: the pipe or the terminal was closed. */
  readonly closed: AbortSignal;
  /** The first error of a write: text is missing. */
  readonly failure: () => NodeJS.ErrnoException | undefined;
}

/** Milliseconds until a descriptor that another program made non-blocking is tried again. */
const retry = 20;
/** The errors of a pipe, a socket or a terminal whose other end was closed; a disk reports EIO, too. */
const goneReader = new Set(['EPIPE', 'ECONNRESET']);
const goneTerminal = new Set(['EIO', 'ENXIO']);

/**
 * Standard output and standard error. Node.js blocks the whole program while a terminal does not accept its text (flow
 * control, a stalled ssh connection), and a run must renew its lease meanwhile: a thread of the pool waits instead.
 * Descriptors of the same file share a queue, so that lines keep their order.
 */
export function openOutputs(): { readonly out: Output; readonly err: Output } {
  const out = openOutput(1);
  return { out, err: isSameFile(1, 2) ? out : openOutput(2) };
}

export function openOutput(descriptor: number): Output {
  const closed = new AbortController();
  const isTerminal = isatty(descriptor);
  let waiting = '';
  let working: Promise<void> | undefined;
  let failure: NodeJS.ErrnoException | undefined;
  const drain = async () => {
    while (waiting !== '' && !closed.signal.aborted) {
      const text = waiting;
      waiting = '';
      const error = await writeWhole(descriptor, Buffer.from(text));
      if (error === undefined) continue;
      failure ??= error;
      if (isGone(error, isTerminal)) closed.abort();
    }
    working = undefined;
  };
  return {
    isTerminal,
    isPipe: statusOf(descriptor)?.isFIFO() === true,
    write: (text) => {
      if (closed.signal.aborted) return;
      waiting += text;
      working ??= drain();
    },
    drained: async () => {
      while (working !== undefined) await working;
    },
    closed: closed.signal,
    failure: () => failure,
  };
}

function isGone({ code = '' }: NodeJS.ErrnoException, isTerminal: boolean): boolean {
  return goneReader.has(code) || (isTerminal && goneTerminal.has(code));
}

/** @returns the error that ended it, if one did */
async function writeWhole(descriptor: number, bytes: Buffer): Promise<NodeJS.ErrnoException | undefined> {
  let rest = bytes;
  while (rest.length > 0) {
    const { error, written } = await writeSome(descriptor, rest);
    if (error === null) rest = rest.subarray(written);
    else if (error.code === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, retry));
    else return error;
  }
  return undefined;
}

function writeSome(
  descriptor: number,
  bytes: Buffer,
): Promise<{ error: NodeJS.ErrnoException | null; written: number }> {
  return new Promise((resolve) => {
    write(descriptor, bytes, (error, written) => resolve({ error, written }));
  });
}

function isSameFile(one: number, other: number): boolean {
  const [a, b] = [statusOf(one), statusOf(other)];
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino;
}

/** Undefined for a closed descriptor. */
function statusOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}
