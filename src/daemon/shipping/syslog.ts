import { once } from 'node:events';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { proveCertificate } from '../../core/credentials/proof.ts';
import { readRegular } from '../../core/files/read-input.ts';
import { secureContext } from '../../transport/tls.ts';
import type { Receiver, ReceiverSetup } from './receiver.ts';
import { syslogFrame } from './syslog-message.ts';

/** The section `syslog` of a receiver in node.yaml; `ca` absolute. */
export interface SyslogConfig {
  readonly host: string;
  readonly port: number;
  readonly ca?: string;
  readonly name?: string;
  readonly facility: number;
  readonly overlap: number;
}

/** Milliseconds: to connect, without progress of a write, and that a connection must last after one. */
const times = { connect: 15_000, stall: 60_000, settle: 10_000 } as const;

/**
 * Sends by syslog over TLS (RFC 5425). The protocol has no acknowledgement: written records count as received when the
 * connection lasts for a while afterwards, and each new connection begins with records that were sent before. With TLS
 * 1.3 a receiver refuses a certificate only after the handshake: until then it seems to accept everything.
 */
export function syslogReceiver(config: SyslogConfig, { tls, onLost }: ReceiverSetup): Receiver {
  let socket: TLSSocket | undefined;
  let lost: Error | undefined;
  return {
    settle: times.settle,
    open: async (signal) => {
      if (socket?.closed === false && socket.writable) return 0;
      socket = await connectTo(config, tls, signal);
      lost = undefined;
      socket.on('error', (error) => {
        lost = error;
      });
      socket.once('close', onLost);
      return config.overlap;
    },
    send: async (records, signal) => {
      const current = socket;
      if (current === undefined) throw new Error('there is no connection');
      const bytes = Buffer.concat(records.map((record) => syslogFrame(record, config.facility)));
      if (current.closed || !current.writable) throw lost ?? new Error('it closed the connection');
      await write(current, bytes, signal);
    },
    close: () => socket?.destroySoon(),
  };
}

async function connectTo(config: SyslogConfig, tls: ReceiverSetup['tls'], signal: AbortSignal): Promise<TLSSocket> {
  const { host, port, ca, name } = config;
  const state = tls();
  const expected = name ?? host;
  const options: ConnectionOptions = {
    ...secureContext(state),
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: await readRegular(ca) }),
    host,
    port,
    ...(isIP(expected) === 0 ? { servername: expected } : {}),
  };
  const socket = connect(options);
  const late = AbortSignal.timeout(times.connect);
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.any([signal, late]) });
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new Error('it has no certificate');
    // The fleet's own certificates can be revoked; those of another CA are the administrator's affair.
    if (ca === undefined) proveCertificate(certificate, 'node', state.trust, Date.now());
    socket.setKeepAlive(true, 30_000);
    // The receiver sends nothing; unexpected data must not hide the end of the connection.
    socket.resume();
    return socket;
  } catch (error) {
    socket.on('error', () => {}).destroy();
    throw late.aborted ? new Error(`no TLS connection within ${times.connect / 1000} s`) : error;
  }
}

/** Resolves when the kernel has all of it. */
async function write(socket: TLSSocket, bytes: Buffer, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const stop = () => socket.destroy();
  const stalled = () => socket.destroy(new Error(`it has taken nothing for ${times.stall / 1000} s`));
  signal.addEventListener('abort', stop, { once: true });
  socket.setTimeout(times.stall).once('timeout', stalled);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    socket.setTimeout(0).off('timeout', stalled);
    signal.removeEventListener('abort', stop);
  }
}
