import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { explainErrno } from '../../../core/errors.ts';
import { makeBody } from './body.ts';
import type { BodyValues } from './format.ts';
import type { EndpointConfig } from '../config.ts';
import { DeliveryFailure } from './failure.ts';
import { type Answer, judge, readsBody } from './judge-answer.ts';
import { readAuthorities, readSecret } from '../secret.ts';

/** Bytes of an answer that are read, if its body matters. */
const largestAnswer = 4096;

/**
 * Posts a message. Redirects are not followed: they could lead anywhere.
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
  judge(endpoint, await send(endpoint, headers, text, signal), Date.now());
}

async function send(
  endpoint: EndpointConfig,
  headers: Record<string, string>,
  text: string,
  signal: AbortSignal,
): Promise<Answer> {
  const { url, ca_file } = endpoint;
  const ca = ca_file === undefined ? undefined : await readAuthorities(ca_file);
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      const why = signal.aborted ? 'no answer in time' : explainErrno(cause);
      reject(new DeliveryFailure(`no answer from ${new URL(url).host}: ${why}`, false, 0, { cause }));
    };
    const call = request(url, { method: 'POST', agent: false, headers, signal, ca }, (answer) => {
      const settle = (body: string) => {
        resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? '', body });
        call.destroy();
      };
      // If only the status counts, the body may be long, or never come.
      if (!readsBody(endpoint)) return settle('');
      let body = Buffer.alloc(0);
      answer.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk.subarray(0, largestAnswer - body.length)]);
        if (body.length >= largestAnswer) settle(body.toString('utf8'));
      });
      answer.once('end', () => settle(body.toString('utf8')));
      answer.on('error', fail);
    });
    call.on('error', fail);
    call.end(text);
  });
}
