import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainErrno } from '../../core/errors.ts';

export interface HealthCheck {
  readonly url: string;
  /** Seconds until a release must be healthy. */
  readonly timeout: number;
  /** The one good status; any of 200 to 299 when left out. */
  readonly status?: number;
}

/** `words` say what was found, for a person: “status 200”, “status 500: database is down”. */
export interface Health {
  readonly healthy: boolean;
  readonly words: string;
}

/** Milliseconds. */
const between = 100;
const longestTry = 5000;
/** Bytes of the body that are read, for its first line. */
const bodyLimit = 4096;

/** Asks once. Redirects are not followed, and no connection is kept. */
export async function checkHealth(check: HealthCheck, timeout: number, signal: AbortSignal): Promise<Health> {
  const clock = AbortSignal.timeout(Math.ceil(timeout));
  try {
    const { status, line } = await get(check.url, AbortSignal.any([signal, clock]));
    const healthy = check.status === undefined ? status >= 200 && status <= 299 : status === check.status;
    return { healthy, words: healthy || line === '' ? `status ${status}` : `status ${status}: “${line}”` };
  } catch (error) {
    return { healthy: false, words: clock.aborted ? 'no answer in time' : `no answer: ${explainErrno(error)}` };
  }
}

/** Asks until the answer is good or the check's time is over; what was found last. */
export async function awaitHealth(check: HealthCheck, signal: AbortSignal): Promise<Health> {
  const deadline = performance.now() + check.timeout * 1000;
  for (;;) {
    const left = Math.max(1, deadline - performance.now());
    const health = await checkHealth(check, Math.min(left, longestTry), signal);
    if (health.healthy || signal.aborted || performance.now() + between >= deadline) return health;
    await sleep(between, undefined, { signal }).catch(() => {});
  }
}

function get(url: string, signal: AbortSignal): Promise<{ status: number; line: string }> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, signal, headers: { 'user-agent': 'mco-deploy' } }, (answer) => {
      let body = Buffer.alloc(0);
      const settle = () => {
        resolve({ status: answer.statusCode ?? 0, line: firstLine(body) });
        call.destroy();
      };
      answer.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk.subarray(0, bodyLimit - body.length)]);
        if (body.length >= bodyLimit) settle();
      });
      answer.once('end', settle);
      answer.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

/** The first line with anything in it, as it may be shown on a terminal. */
export function firstLine(text: Buffer | string): string {
  const line = text
    .toString()
    .split(/[\r\n]+/)
    .find((one) => one.trim() !== '');
  return (line ?? '').replace(/\p{C}/gu, ' ').trim().slice(0, 200);
}
