import type { DetailedPeerCertificate, PeerCertificate, SecureContext } from 'node:tls';
import { ChannelCredentials, type ChannelOptions, Client, connectivityState } from '@grpc/grpc-js';
import { hasRelayRole, parseCertificate } from '../core/credentials/certificate.ts';
import { rememberIssuers } from '../core/credentials/issuers.ts';
import { startAnswerDeadline } from '../core/waiting/deadline.ts';
import { Problem } from '../core/errors.ts';
import { type Address, formatAddress } from '../core/node.ts';
import type { Dial, TlsState } from '../core/ports.ts';
import { keepHandshakes } from './connections/keep-handshakes.ts';
import { diagnose } from './dial/diagnose.ts';
import { firstOf, type Open } from './dial/first-of.ts';
import { connectionOver } from './node-connection.ts';
import { proveNode } from './prove-node.ts';
import { presentedIssuers } from './tls.ts';
import { zonedTarget } from './dial/zoned-address.ts';

/**
 * How long a connection with a call may be silent before its node is pinged (HTTP/2 PING), and how long the answer may
 * take, in milliseconds. Otherwise a call over a link that was cut, or to a host that stopped, would wait for its whole
 * timeout.
 */
export interface Keepalive {
  readonly time: number;
  readonly timeout: number;
}

const callKeepalive: Keepalive = { time: 20_000, timeout: 15_000 };

/**
 * Makes a Dial that proves, in the handshake, that the peer is the intended node: by its certificate's identity, kind
 * and revocation, and not by its address.
 * @param tls the caller's own credentials and trust, read again for every dial
 * @param timeout milliseconds for one address to connect
 */
export function createDial(tls: () => TlsState, timeout: number, keepalive = callKeepalive): Dial {
  const over = ({ client, name, refuse, certificate }: ProvenChannel) => ({
    ...connectionOver(client, name, async (signal) => {
      await connectAgain(client, name, timeout, signal);
      const refused = refuse();
      if (refused !== undefined) throw refused;
    }),
    hasRelayRole: hasRelayRole(parseCertificate(certificate)),
  });
  const options = { 'grpc.keepalive_time_ms': keepalive.time, 'grpc.keepalive_timeout_ms': keepalive.timeout };
  return createOpen(tls, timeout, over, options);
}

/** A channel to a proven node, before any request. */
export interface ProvenChannel {
  readonly client: Client;
  readonly name: string;
  /** Why the node must not be called any more: it may be revoked meanwhile. */
  readonly refuse: () => Problem | undefined;
  /** The node's certificate (DER), as its handshake proved it. */
  readonly certificate: Uint8Array;
}

/**
 * As {@link createDial}, for another kind of connection over the same handshake.
 * @param options channel options of gRPC besides
 */
export function createOpen<Connection>(
  tls: () => TlsState,
  timeout: number,
  over: (channel: ProvenChannel) => Connection,
  options: ChannelOptions = {},
): Open<Connection> {
  return firstOf(tls, async (name, address, context, signal) =>
    over(await connect(name, address, { tls, context, options }, timeout, signal)),
  );
}

/** The start of a connection, and the rules for its whole lifetime. */
interface Means {
  readonly context: SecureContext;
  readonly tls: () => TlsState;
  readonly options: ChannelOptions;
}

async function connect(
  name: string,
  address: Address,
  { context, tls, options }: Means,
  timeout: number,
  signal: AbortSignal,
): Promise<ProvenChannel> {
  let refused: Problem | undefined;
  let presented: Uint8Array = Buffer.alloc(0);
  const checkServerIdentity = (_host: string, peer: PeerCertificate): Error | undefined => {
    presented = peer.raw;
    // node:tls returns the whole chain, whatever its types say.
    rememberIssuers(presentedIssuers(peer as DetailedPeerCertificate), tls().trust);
    refused = proveNode(name, presented, tls());
    return refused;
  };
  const credentials = ChannelCredentials.createFromSecureContext(context, { checkServerIdentity });
  const closeHandshakes = keepHandshakes(credentials);
  const client = new Client(target(address), credentials, {
    'grpc.ssl_target_name_override': name,
    'grpc.default_authority': name,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': 8 * 1024 * 1024,
    ...options,
  });
  try {
    await ready(client, timeout, signal);
  } catch {
    client.close();
    closeHandshakes();
    if (signal.aborted) throw new Problem('cancelled', `connecting to ${name} was cancelled`);
    throw refused ?? (await diagnose(name, address, tls(), timeout));
  }
  return { client, name, refuse: () => proveNode(name, presented, tls()), certificate: presented };
}

function target(address: Address): string {
  const text = formatAddress(address);
  if (address.host.includes('%')) return zonedTarget(text);
  if (address.host.includes(':')) return `ipv6:${text}`;
  return /^[0-9.]+$/.test(address.host) ? `ipv4:${text}` : `dns:${text}`;
}

/**
 * Waits while gRPC reconnects after a lost connection. gRPC has no limit for that: a stopped program, whose host still
 * accepts connections, would use all the time of the call. gRPC itself reports immediate failures.
 * @throws Problem `no-response`
 */
async function connectAgain(client: Client, name: string, timeout: number, signal: AbortSignal): Promise<void> {
  try {
    await ready(client, timeout, signal);
  } catch {
    if (signal.aborted || client.getChannel().getConnectivityState(false) !== connectivityState.CONNECTING) return;
    throw new Problem('no-response', `the connection to ${name} was lost, and connecting again takes too long`);
  }
}

/** Resolves when the connected channel is no longer connected, whichever side ended it. */
export function whenLost(client: Client): Promise<void> {
  const channel = client.getChannel();
  return new Promise((resolve) => {
    const watch = () => {
      if (channel.getConnectivityState(false) !== connectivityState.READY) return resolve();
      channel.watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, watch);
    };
    watch();
  });
}

/** Resolves when the channel is connected, rejects as soon as a try failed. */
export function ready(client: Client, timeout: number, signal: AbortSignal): Promise<void> {
  const channel = client.getChannel();
  if (signal.aborted) return Promise.reject(new Error('aborted'));
  const deadline = startAnswerDeadline(timeout, [signal]);
  return new Promise((resolve, reject) => {
    let isSettled = false;
    const settle = (finish: () => void) => {
      isSettled = true;
      deadline.end();
      finish();
    };
    deadline.signal.addEventListener('abort', () => settle(() => reject(new Error('not in time'))), { once: true });
    const watch = () => {
      // Looking at a channel that was closed meanwhile would connect it again.
      if (isSettled) return;
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return settle(resolve);
      if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN) {
        return settle(() => reject(new Error('failed')));
      }
      // Its timer keeps the process alive: while a channel is connecting, nothing else does.
      channel.watchConnectivityState(state, Date.now() + timeout, watch);
    };
    watch();
  });
}
