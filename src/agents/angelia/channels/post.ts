import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { explainErrno } from '../../../core/errors.ts';
import { makeBody } from './body.ts';
import type { BodyValues } from './format.ts';
import type { EndpointConfig } from '../config.ts';
import { DeliveryFailure } from './failure.ts';
import { readAuthorities, readSecret } from '../secret.ts';

/** Milliseconds; more than that is not waited for on a receiver's word. */
const longestWait = 3600_000;
/** Statuses below 500 that another try may change: timeout, too early, too many (RFC 9110, RFC 8470, RFC 6585). */
const passing = [408, 425, 429];

/**
 * Posts a message. Redirects are not followed: they would lead where the configuration did not say.
 * @throws DeliveryFailure
 */
export async function post(endpoint: EndpointConfig, values: BodyValues, signal: AbortSignal): Promise<void> {
  const token = endpoint.token_file === undefined ? '' : await readSecret(endpoint.token_file);
  const { type, text } = makeBody(endpoint, values, token);
  const headers: Record<string, string> = {
    ...endpoint.headers,
    'content-type': type,
    'content-length': String(Buffer.byteLength(text)),
    'user-agent': 'mco-deploy',
    'idempotency-key': values.id,
  };
  if (token !== '' && endpoint.format !== 'pushover') headers.authorization = `Bearer ${token}`;
  if (endpoint.secret_file !== undefined) {
    const mac = createHmac('sha256', await readSecret(endpoint.secret_file))
      .update(text)
      .digest('hex');
    headers['x-mco-signature'] = `sha256=${mac}`;
  }
  judge(await send(endpoint, headers, text, signal));
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string;
}

async function send(
  { url, ca_file }: EndpointConfig,
  headers: Record<string, string>,
  text: string,
  signal: AbortSignal,
): Promise<Answer> {
  const ca = ca_file === undefined ? undefined : await readAuthorities(ca_file);
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      const why = signal.aborted ? 'no answer in time' : explainErrno(cause);
      reject(new DeliveryFailure(`no answer from ${new URL(url).host}: ${why}`, false, 0, { cause }));
    };
    // The status is all that counts; what follows it may be long, or never come.
    const call = request(url, { method: 'POST', agent: false, headers, signal, ca }, (answer) => {
      resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? '' });
      call.destroy();
    });
    call.on('error', fail);
    call.end(text);
  });
}

function judge({ status, retryAfter }: Answer): void {
  if (status >= 200 && status <= 299) return;
  const permanent = status < 500 && !passing.includes(status);
  const seconds = /^[0-9]{1,6}$/.test(retryAfter) ? Number(retryAfter) : 0;
  throw new DeliveryFailure(
    `the receiver answered with status ${status}`,
    permanent,
    Math.min(seconds * 1000, longestWait),
  );
}
