import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { explainErrno, Problem } from '../../../core/errors.ts';
import type { NrpeDaemon } from '../config.ts';
import { type Answer, makeQuery, type PacketVersion, packetLength, parseAnswer } from './packet.ts';

/**
 * Asks an NRPE daemon for one check, over a separate connection.
 * @param tls undefined for a connection without TLS
 * @throws Problem `nrpe-unreachable`, `nrpe-bad-answer`, `bad-query`
 */
export async function queryDaemon(
  { host, port, packet }: NrpeDaemon,
  tls: ConnectionOptions | undefined,
  line: string,
  signal: AbortSignal,
): Promise<Answer> {
  const version: PacketVersion = packet;
  const query = makeQuery(line, version);
  const socket = tls === undefined ? connect({ host, port }) : connectTls({ ...tls, host, port });
  const onAbort = () => socket.destroy(new Error('no answer in time'));
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const received = await exchange(socket, tls === undefined ? 'connect' : 'secureConnect', query, version);
    return parseAnswer(received, version);
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    const message = `the NRPE daemon ${host}:${port} cannot be reached: ${explainErrno(cause)}`;
    throw new Problem('nrpe-unreachable', message, '', { cause });
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

/** Sends the query and reads one packet; a daemon that closes early leaves a part. */
function exchange(socket: Socket, ready: string, query: Buffer, version: PacketVersion): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    socket.on('error', reject);
    socket.once(ready, () => socket.write(query));
    socket.once('close', () => resolve(received));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      try {
        const length = packetLength(received, version);
        if (length !== undefined && received.length >= length) resolve(received.subarray(0, length));
      } catch (problem) {
        reject(problem);
      }
    });
  });
}
