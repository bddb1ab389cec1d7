import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { readRegular } from '../../core/files/read-input.ts';
import { printableLine } from '../../core/text.ts';
import { secureContext } from '../../transport/tls.ts';
import type { ShippedRecord } from './read-records.ts';
import type { Receiver, ReceiverSetup } from './receiver.ts';

/** The section `https` of a receiver in node.yaml; paths absolute. */
export interface HttpsConfig {
  readonly url: string;
  readonly ca?: string;
  readonly token_file?: string;
}

/** Milliseconds until a batch must be acknowledged. */
const patience = 60_000;

/**
 * Sends batches by POST as lines of JSON (application/x-ndjson). Any answer of the class 2xx acknowledges the whole
 * batch.
 */
export function httpsReceiver(config: HttpsConfig, { tls }: ReceiverSetup): Receiver {
  return {
    settle: 0,
    open: async () => 0,
    send: async (records, signal) => {
      const response = await post(config, tls, records.map(formatRecord).join(''), signal);
      const { statusCode = 0 } = response;
      const [complaint = ''] = (await beginningOf(response)).split('\n');
      if (statusCode >= 200 && statusCode < 300) return;
      throw new Error(`it answers ${statusCode} ${printableLine(complaint).slice(0, 120)}`.trim());
    },
    close: () => {},
  };
}

/** The record is sent as it is in the log, byte for byte, so that its signature and its hash can be checked. */
function formatRecord({ record: { node, sequence }, line, hash }: ShippedRecord): string {
  return `${JSON.stringify({ node, sequence, hash }).slice(0, -1)},"record":${line}}\n`;
}

async function post(
  { url, ca, token_file }: HttpsConfig,
  tls: ReceiverSetup['tls'],
  body: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { ca: _fleet, ...own } = secureContext(tls());
  const token = token_file === undefined ? undefined : String(await readRegular(token_file)).trim();
  const options = {
    ...own,
    minVersion: 'TLSv1.2' as const,
    ...(ca === undefined ? {} : { ca: await readRegular(ca) }),
    method: 'POST',
    agent: false,
    headers: {
      'content-type': 'application/x-ndjson',
      'content-length': Buffer.byteLength(body),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
  };
  return await new Promise((resolve, reject) => {
    request(url, options, resolve).on('error', reject).end(body);
  });
}

/** The first bytes of an answer; the rest is not read. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  for await (const chunk of response as AsyncIterable<Buffer>) return chunk.subarray(0, 512).toString('utf8');
  return '';
}
