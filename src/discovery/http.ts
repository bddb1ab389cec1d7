import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { explain, explainErrno, Problem } from '../core/errors.ts';
import { readInput } from '../core/files/read-input.ts';
import { printableLine } from '../core/text.ts';
import type { SettingsPlace } from './sections/place.ts';

/** Files of a TLS connection, all PEM. Without `ca`, the certification authorities of Node.js are trusted. */
export interface TlsFiles {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}

export interface JsonRequest {
  /** The server's kind, for messages: `consul`. */
  readonly what: string;
  /** Where its settings stand. */
  readonly place: SettingsPlace;
  readonly url: URL;
  readonly tls: TlsFiles;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON by POST; a GET if omitted. */
  readonly body?: object;
  /** Milliseconds for the whole answer. */
  readonly timeout: number;
  /** Bytes of an answer that are read (default 64 MiB). */
  readonly largest?: number;
}

export interface JsonAnswer {
  readonly value: unknown;
  readonly headers: IncomingMessage['headers'];
}

/**
 * Sends a request to an HTTP server for JSON. Redirects are not followed: only the named server may return a list of
 * nodes.
 * @throws Problem `source-failed`, `cancelled`
 */
export async function fetchJson(request: JsonRequest, signal: AbortSignal): Promise<JsonAnswer> {
  const { what, place, url, timeout, largest = 64 * 1024 * 1024 } = request;
  const late = AbortSignal.timeout(timeout);
  try {
    const response = await send(request, AbortSignal.any([signal, late]));
    const text = await readText(response, largest);
    if (response.statusCode !== 200) throw new Error(`it answers ${response.statusCode} ${complaintIn(text)}`.trim());
    return { value: parseJson(text), headers: response.headers };
  } catch (cause) {
    if (signal.aborted) throw new Problem('cancelled', `the question to ${what} was cancelled`, '', { cause });
    const why = late.aborted ? `no answer within ${timeout / 1000} s` : reasonOf(cause);
    const hint = `check ${place(what)}, and whether the server is up`;
    throw new Problem('source-failed', `${what} at ${url.origin} gives no list of nodes: ${why}`, hint, { cause });
  }
}

function reasonOf(cause: unknown): string {
  return cause instanceof Problem ? explain(cause) : explainErrno(cause);
}

/** That it is missing is not a fault of the server. */
async function readNamed(file: string): Promise<Buffer> {
  try {
    return await readInput(file);
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

async function send({ url, tls, headers, body }: JsonRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const read = async (file: string | undefined) => (file === undefined ? undefined : await readNamed(file));
  const [ca, cert, key] = await Promise.all([read(tls.ca), read(tls.certificate), read(tls.key)]);
  const content = body === undefined ? undefined : JSON.stringify(body);
  const options = {
    method: content === undefined ? 'GET' : 'POST',
    headers: { accept: 'application/json', ...(content ? { 'content-type': 'application/json' } : {}), ...headers },
    signal,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return await new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    request.on('error', reject);
    request.end(content);
  });
}

async function readText(response: IncomingMessage, largest: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largest) throw new Error(`its answer is larger than ${largest} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`its answer is not JSON (it begins “${printableLine(text.trim()).slice(0, 60)}”)`);
  }
}

function complaintIn(text: string): string {
  const [first = ''] = text.split('\n');
  return first === '' ? '' : `(${printableLine(first).slice(0, 120)})`;
}
