import { stat } from 'node:fs/promises';
import { ChannelCredentials, Client } from '@grpc/grpc-js';
import { hasRelayRole, parseCertificate } from '../../core/credentials/certificate.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import type { TlsState } from '../../core/ports.ts';
import type { DiscoverEvent, DiscoverRequest } from '../../core/wire/messages.ts';
import { createOpen, type Open, type ProvenChannel, ready, whenLost } from '../dial.ts';
import { type Forward, startForwarding } from './forwarding.ts';
import { relayMethod } from './rpc.ts';
import { readStream } from './streams.ts';

/** A relay, as who uses it sees it. Nothing that it says is proven. */
export interface RelayConnection {
  /** The relay's name, or `local` for the host's own daemon. */
  readonly name: string;
  /** Whether its certificate lets it relay. */
  readonly hasRole: boolean;
  readonly discover: (
    request: DiscoverRequest,
    onNode: (event: DiscoverEvent) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly forward: Forward;
  readonly whenLost: () => Promise<void>;
  readonly close: () => void;
}

/** Relayed requests of a large fleet wait in one stream: it is asked now and then whether its other end is still there. */
const keepalive = { 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5000 };

/** @param timeout milliseconds for one address to connect */
export function createRelayDial(tls: () => TlsState, timeout: number): Open<RelayConnection> {
  return createOpen(tls, timeout, relayConnectionOver, keepalive);
}

export function relayConnectionOver({ client, name, refuse, certificate }: ProvenChannel): RelayConnection {
  return over(client, name, refuse, hasRelayRole(parseCertificate(certificate)));
}

/**
 * The host's own daemon, over its unix socket. No handshake: anyone who may open the socket may use it, and the socket must
 * belong to root or to this user, so that nobody else can have put it there.
 * @throws Problem `unreachable` when there is none, `bad-permissions`
 */
export async function openLocalRelay(socket: string, timeout: number, signal: AbortSignal): Promise<RelayConnection> {
  await requireOwnSocket(socket);
  const client = new Client(`unix:${socket}`, ChannelCredentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': 8 * 1024 * 1024,
  });
  try {
    await ready(client, timeout, signal);
  } catch (cause) {
    client.close();
    throw new Problem('unreachable', `the daemon of this host does not answer at ${socket}`, '', { cause });
  }
  return over(client, 'local', () => undefined, true);
}

async function requireOwnSocket(socket: string): Promise<void> {
  try {
    const found = await stat(socket);
    if (!found.isSocket() || (found.uid !== 0 && found.uid !== process.getuid?.())) {
      throw new Problem('bad-permissions', `${socket} is not a socket of root or of this user`);
    }
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreachable', `${socket}: ${explainErrno(cause)}`, '', { cause });
  }
}

function over(client: Client, name: string, refuse: () => Problem | undefined, hasRole: boolean): RelayConnection {
  const forwarding = startForwarding(client, name, refuse);
  return {
    name,
    hasRole,
    discover: async (request, onNode, signal) => {
      const refused = refuse();
      if (refused !== undefined) throw refused;
      const method = relayMethod<DiscoverRequest, DiscoverEvent>('Discover');
      await readStream(client, method, request, `the relay ${name}`, onNode, signal);
    },
    forward: forwarding.forward,
    whenLost: () => whenLost(client),
    close: () => {
      forwarding.close();
      client.close();
    },
  };
}
