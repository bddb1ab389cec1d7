import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { readRegular } from '../../../core/files/read-input.ts';
import type { DownloadBounds } from './source.ts';

export interface Download {
  /** The announced number of bytes; undefined when the server does not announce it. */
  readonly size: number | undefined;
  readonly content: AsyncIterable<Buffer>;
}

/**
 * Requests a file over HTTPS and passes its content to a function. Redirects are not followed: a file comes only from
 * the configured place.
 * @param limit bytes
 * @returns the function's result; undefined when the server has no such file
 * @throws Problem `artifacts-unreachable`, `bad-artifact`, `artifact-too-large`
 */
export async function download<T>(
  url: string,
  bounds: DownloadBounds,
  limit: number,
  signal: AbortSignal,
  take: (download: Download) => Promise<T>,
): Promise<T | undefined> {
  const clock = AbortSignal.timeout(Math.ceil(bounds.timeout * 1000));
  const both = AbortSignal.any([signal, clock]);
  let answer: IncomingMessage | undefined;
  try {
    answer = await ask(url, await certificates(bounds), both);
    if (answer.statusCode === 404 || answer.statusCode === 410) return undefined;
    if (answer.statusCode !== 200) throw new Problem('bad-artifact', `${url} returned status ${answer.statusCode}`);
    const length = answer.headers['content-length'];
    const size = length === undefined ? undefined : Number(length);
    if (size !== undefined && size > limit) throw tooLarge(url, limit);
    return await take({ size, content: bounded(url, answer, limit, size) });
  } catch (error) {
    throw explainDownload(url, error, signal, clock, bounds);
  } finally {
    answer?.destroy();
  }
}

async function* bounded(url: string, answer: IncomingMessage, limit: number, size: number | undefined) {
  let total = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > limit) throw tooLarge(url, limit);
    yield chunk;
  }
  if (size === undefined || total === size) return;
  throw new Problem('artifacts-unreachable', `${url} arrived incomplete: ${total} of ${size} bytes`, 'try again');
}

function tooLarge(url: string, limit: number): Problem {
  return new Problem('artifact-too-large', `${url} has more than ${limit} bytes`, 'see “max_size” under “download”');
}

async function certificates({ ca }: DownloadBounds): Promise<Buffer | undefined> {
  if (ca === undefined) return undefined;
  try {
    return await readRegular(ca);
  } catch (cause) {
    throw new Problem('artifacts-unreachable', `${ca} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

function ask(url: string, ca: Buffer | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { 'user-agent': 'mco-deploy', 'accept-encoding': 'identity' };
    const call = request(url, { agent: false, signal, headers, minVersion: 'TLSv1.2', ...(ca && { ca }) }, resolve);
    call.on('error', reject);
    call.end();
  });
}

/** A disk error while the content is written stays as it is: it is not the server's fault. */
function explainDownload(
  url: string,
  error: unknown,
  signal: AbortSignal,
  clock: AbortSignal,
  { timeout }: DownloadBounds,
): unknown {
  if (error instanceof Problem) return error;
  if (signal.aborted) return new Problem('cancelled', 'the call was cancelled');
  const { syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'write' && (error as NodeJS.ErrnoException).code !== 'EPIPE') return error;
  const why = clock.aborted ? `it did not arrive within ${timeout} s` : explainErrno(error);
  return new Problem('artifacts-unreachable', `${url} cannot be downloaded: ${why}`, 'check that the server runs', {
    cause: error,
  });
}
