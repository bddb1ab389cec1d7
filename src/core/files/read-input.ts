import { closeSync, constants, createReadStream, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';

/** Bytes of a file that is read whole: more than the list of a large fleet has. */
const largest = 64 * 1024 * 1024;

/** Opens a named pipe at once, too: a thread that waits there for a writer would keep the program from ending. */
const atOnce = constants.O_RDONLY | constants.O_NONBLOCK;

/** A file is larger than its reader takes. */
export class TooLarge extends Error {
  constructor(most: number) {
    super(`it is larger than ${most} bytes`);
  }
}

/**
 * What a person names: a file, or a pipe such as `<(command)`. One of the disk is read at once, without waiting for the
 * turn of another thread.
 * @throws TooLarge, the error of the system, or Error with the reason for a message
 */
export async function readInput(file: string, most = largest, signal?: AbortSignal): Promise<Buffer> {
  const descriptor = openSync(file, atOnce);
  const found = fstatSync(descriptor);
  // The socket closes it.
  if (found.isFIFO()) {
    const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
    return readStream(signal === undefined ? pipe : addAbortSignal(signal, pipe), most);
  }
  try {
    if (!found.isCharacterDevice()) {
      requireFile(found, most);
      return readFileSync(descriptor);
    }
  } finally {
    closeSync(descriptor);
  }
  // `end` is counted from 0: one byte more than allowed.
  return readStream(createReadStream(file, { end: most, ...(signal === undefined ? {} : { signal }) }), most);
}

/**
 * A file of a daemon, which a pipe would keep waiting forever.
 * @throws as readInput
 */
export async function readRegular(file: string, most = largest): Promise<Buffer> {
  const handle = await open(file, atOnce);
  try {
    const found = await handle.stat();
    if (found.isFIFO()) throw new Error('it is a pipe, not a file');
    // A file that does not count is often a link to /dev/null.
    if (found.isCharacterDevice()) return await readStream(handle.createReadStream({ end: most }), most);
    requireFile(found, most);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function requireFile(found: Stats, most: number): void {
  // Its size reads as 0.
  if (found.isBlockDevice()) throw new Error('it is a block device, not a file');
  if (found.size > most) throw new TooLarge(most);
}

async function readStream(stream: Readable, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += (chunk as Buffer).length;
    if (size > most) throw new TooLarge(most);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
