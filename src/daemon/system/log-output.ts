import { constants, fstatSync, openSync, type Stats, writeSync } from 'node:fs';
import { Socket } from 'node:net';

/** Where the daemon's log goes. Writing never waits and never throws: what can't be written is dropped and counted. */
export interface LogOutput {
  /** @param line with its newline */
  readonly write: (line: string) => void;
}

/** Writes bytes without waiting. @returns how many were taken; `lost` when the reader is gone or the disk is full */
type TakeBytes = (bytes: Buffer) => number | 'lost';

/** Bytes that wait for a reader who is slow; beyond that, lines are dropped. */
const mostWaiting = 1024 * 1024;
/** Milliseconds until a reader who was slow is tried again. */
const retry = 100;

/**
 * A reader that stands still (a journal service that hangs, a terminal that was stopped) must delay no call and no shutdown. A
 * thread of the pool can't write here: one that waits in write(2) keeps the process from ending.
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
      // Opened again: to make the shared one non-blocking would surprise the others that have it.
      return writeDescriptor(openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Its owner may not let this user open it; then it is written to as it is.
    }
  }
  return writeDescriptor(descriptor);
}

/** Undefined for a descriptor that is closed. */
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

/** A stream socket, as systemd gives: Node queues what it does not take. */
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
