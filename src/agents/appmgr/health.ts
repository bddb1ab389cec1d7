import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { explainErrno } from '../../core/errors.ts';
import type { ApplicationConfig } from './config.ts';

/** As configured; times in seconds. */
export type HealthCheck = NonNullable<ApplicationConfig['health']>;

/** `words` say what was found, for a person: “status 200”, “status 500: database is down”. */
export interface Health {
  readonly healthy: boolean;
  readonly words: string;
}

/** Milliseconds. */
const between = 100;
const longestTry = 5000;
/** Bytes of the body that are read. */
const bodyLimit = 4096;

/**
 * Asks once whether a revision is in service and healthy. Redirects are not followed, and no connection is kept.
 * @param timeout milliseconds
 */
export async function checkHealth(
  check: HealthCheck,
  revision: string,
  timeout: number,
  signal: AbortSignal,
): Promise<Health> {
  const clock = AbortSignal.timeout(Math.ceil(timeout));
  try {
    const { status, body } = await get(check.url, AbortSignal.any([signal, clock]));
    const line = firstLine(body);
    const words = `status ${status}`;
    const good = check.status === undefined ? status >= 200 && status <= 299 : status === check.status;
    if (!good) return { healthy: false, words: line === '' ? words : `${words}: “${line}”` };
    const wanted = check.body?.replaceAll('{revision}', () => revision);
    if (wanted === undefined || body.includes(wanted)) return { healthy: true, words };
    return { healthy: false, words: `${words} without “${wanted}”: “${line}”` };
  } catch (error) {
    return { healthy: false, words: clock.aborted ? 'no answer in time' : `no answer: ${explainErrno(error)}` };
  }
}

/** Asks until the answer has been good for long enough, or was not good when the time was over; what was found last. */
export async function awaitHealth(check: HealthCheck, revision: string, signal: AbortSignal): Promise<Health> {
  const deadline = performance.now() + check.timeout * 1000;
  let goodSince: number | undefined;
  for (;;) {
    const left = Math.max(between, deadline - performance.now());
    const health = await checkHealth(check, revision, Math.min(left, longestTry), signal);
    const now = performance.now();
    if (signal.aborted) return health;
    goodSince = health.healthy ? (goodSince ?? now) : undefined;
    if (goodSince === undefined ? now + between >= deadline : now - goodSince >= check.steady * 1000) return health;
    await sleep(between, undefined, { signal }).catch(() => {});
  }
}

function get(url: string, signal: AbortSignal): Promise<{ status: number; body: string }> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, signal, headers: { 'user-agent': 'mco-deploy' } }, (answer) => {
      let body = Buffer.alloc(0);
      const settle = () => {
        resolve({ status: answer.statusCode ?? 0, body: body.toString('utf8') });
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
export function firstLine(text: string): string {
  const line = text.split(/[\r\n]+/).find((one) => one.trim() !== '');
  return (line ?? '').replace(/\p{C}/gu, ' ').trim().slice(0, 200);
}
