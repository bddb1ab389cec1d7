import { constants, fstatSync, openSync, type Stats, writeSync } from 'node:fs';
import { Socket } from 'node:net';

/**
 * The output of the daemon's log. Writing never waits and never throws: what cannot be written is dropped and counted.
 */
export interface LogOutput {
  /** @param line with its newline */
  readonly write: (line: string) => void;
}

/** Writes bytes without waiting. @returns how many were accepted; `lost` when the reader is gone or the disk is full */
type TakeBytes = (bytes: Buffer) => number | 'lost';

/** Bytes that wait for a slow reader; beyond that, lines are dropped. */
const mostWaiting = 1024 * 1024;
/** Milliseconds until a slow reader is tried again. */
const retry = 100;

/**
 * A reader that stalls (a journal service that hangs, a stopped terminal) must not delay a call or a shutdown. A thread
 * of the pool cannot write here: one that waits in write(2) keeps the process from ending.
 * @param dropped makes the line that says how many were dropped
 */
export function openLogOutput(descriptor: number, dropped: (count: number) => string): LogOutput {
  const take = openDescriptor(descriptor);
  let waiting: Buffer[] = [];
  let size = 0;
  let lost = 0;
  let timer: NodeJS.Timeout | undefined;
  const drain = () => {
    timer = undefined;
    while (waiting[0] !== undefined) {
      const taken = take(waiting[0]);
      if (taken === 'lost') lost += waiting.length;
      if (taken === 'lost') break;
      size -= taken;
      if (taken < waiting[0].length) {
        waiting[0] = waiting[0].subarray(taken);
        timer = setTimeout(drain, retry).unref();
        return;
      }
      waiting.shift();
    }
    waiting = [];
    size = 0;
  };
  const add = (line: string) => {
    const bytes = Buffer.from(line);
    waiting.push(bytes);
    size += bytes.length;
  };
  return {
    write: (line) => {
      if (size > mostWaiting) {
        lost++;
        return;
      }
      if (lost > 0 && waiting.length === 0) {
        const count = lost;
        lost = 0;
        add(dropped(count));
      }
      add(line);
      if (timer === undefined) drain();
    },
  };
}

function openDescriptor(descriptor: number): TakeBytes {
  const status = statusOf(descriptor);
  if (status?.isSocket() === true) return writeSocket(descriptor);
  if (status?.isFIFO() === true || status?.isCharacterDevice() === true) {
    try {
      // Opened again: making the shared one non-blocking would affect the others that have it.
      return writeDescriptor(openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Its owner may not allow this user to open it; then the original is written to.
    }
  }
  return writeDescriptor(descriptor);
}

/** Undefined for a closed descriptor. */
function statusOf(descriptor: number): Stats | undefined {
  try {
    return fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

function writeDescriptor(descriptor: number): TakeBytes {
  return (bytes) => {
    try {
      return writeSync(descriptor, bytes);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : 'lost';
    }
  };
}

/** A stream socket, as systemd provides: Node queues what it does not accept. */
function writeSocket(descriptor: number): TakeBytes {
  const socket = new Socket({ fd: descriptor, readable: false, writable: true });
  socket.on('error', () => {});
  socket.unref();
  return (bytes) => {
    if (socket.destroyed) return 'lost';
    if (socket.writableLength > 0) return 0;
    socket.write(bytes);
    return bytes.length;
  };
}
