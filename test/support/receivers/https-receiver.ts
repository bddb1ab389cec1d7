import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Member } from '../fleet/fleet.ts';

/** One line of a batch. */
export interface ReceivedLine {
  readonly node: string;
  readonly sequence: number;
  readonly hash: string;
  /** The line as in the batch, byte for byte. */
  readonly record: string;
}

/** The test's own endpoint for the audit log: a real HTTPS server that takes batches. */
export interface HttpsReceiver extends AsyncDisposable {
  readonly url: string;
  readonly lines: ReceivedLine[];
  /** Its reply from now on. */
  answer: (attempt: number) => number;
  /** The text of its reply to a batch that it does not take. */
  complaint: string;
  readonly attempts: () => number;
  /** Names in the certificates of those who asked. */
  readonly askers: Set<string>;
}

/** @param token without it a request gets 401 */
export async function startHttpsReceiver(member: Member, token: string): Promise<HttpsReceiver> {
  const lines: ReceivedLine[] = [];
  const askers = new Set<string>();
  let attempts = 0;
  const tls = { key: member.keyPem, cert: member.certificatePem, ca: member.caPem, requestCert: true };
  const server = createServer(tls, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const certificate = (request.socket as import('node:tls').TLSSocket).getPeerX509Certificate();
    askers.add(certificate?.subject ?? '');
    const isRight =
      request.method === 'POST' &&
      request.headers.authorization === `Bearer ${token}` &&
      request.headers['content-type'] === 'application/x-ndjson';
    const status = isRight ? receiver.answer(++attempts) : 401;
    if (status === 204)
      for (const line of Buffer.concat(chunks).toString().trimEnd().split('\n')) lines.push(parse(line));
    response.writeHead(status).end(status === 204 ? undefined : receiver.complaint);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: HttpsReceiver = {
    url: `https://localhost:${(server.address() as AddressInfo).port}/audit`,
    lines,
    answer: () => 204,
    complaint: 'not now\n',
    attempts: () => attempts,
    askers,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

function parse(line: string): ReceivedLine {
  const { node, sequence, hash } = JSON.parse(line);
  return { node, sequence, hash, record: line.slice(line.indexOf(',"record":') + ',"record":'.length, -1) };
}
