import { once } from 'node:events';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { Problem } from '../../../src/core/errors.ts';
import type { NodeService, RelayService, TlsState } from '../../../src/core/ports.ts';
import { makeKeyPair, signKey } from '../../../src/core/sealed/encryption-key.ts';
import { forwardEventCodec, forwardRequestCodec, signedKeyCodec } from '../../../src/core/wire/codec.ts';
import type { ForwardEvent, ForwardRequest, SealedEvent } from '../../../src/core/wire/messages.ts';
import { startListening } from '../../../src/transport/listen.ts';
import { frame, greeting, startFrames } from '../../../src/transport/relay/frames/frames.ts';
import { sealedProtocol } from '../../../src/transport/relay/frames/protocols.ts';
import { secureContext, tlsVersion } from '../../../src/transport/tls.ts';
import type { Member } from '../fleet/fleet.ts';
import { keepingLog } from '../node/quiet-log.ts';
import { roomyLimits } from '../node/listen-limits.ts';

/** The listener of a node, of which the test decides what it does with sealed requests. */
export interface SealedNode extends AsyncDisposable {
  readonly port: number;
  /** The refusals that it recorded. */
  readonly refusals: readonly string[];
  readonly log: ReturnType<typeof keepingLog>;
  readonly stop: () => Promise<void>;
}

/** What differs from a node with much room, which does not relay. */
interface NodeOptions {
  readonly enter?: NodeService['enter'];
  readonly relay?: RelayService;
  /** Milliseconds. */
  readonly stall?: number;
  readonly idle?: number;
}

export async function startSealedNode(
  tls: () => TlsState,
  sealed: NodeService['sealed'],
  { enter = () => () => {}, relay, ...limits }: NodeOptions = {},
): Promise<SealedNode> {
  const { credentials } = tls();
  const key = signKey(makeKeyPair(), credentials, Date.now());
  const refusals: string[] = [];
  const log = keepingLog();
  const unused = () => Promise.reject(new Problem('not-serving', 'it serves sealed requests alone'));
  const listener = await startListening({
    host: '127.0.0.1',
    port: 0,
    tls,
    service: {
      call: unused,
      result: unused,
      describe: unused,
      key: () => key,
      sealed,
      enter,
      turnAway: async (_peer, { code }) => void refusals.push(code),
      isServing: () => true,
    },
    ...(relay === undefined ? {} : { relay }),
    log,
    onStranger: () => {},
    limits: { ...roomyLimits, ...limits },
  });
  const stop = () => listener.stop(Promise.resolve(), 0);
  return { port: listener.port, refusals, log, stop, [Symbol.asyncDispose]: stop };
}

/** The last part of a reply. */
export function part(text: string | Buffer, last = true): SealedEvent {
  return { sequence: 0, last, salt: Buffer.alloc(0), ciphertext: Buffer.from(text) };
}

/** The other side of a connection with frames, which sends what it likes. */
export interface RawSide {
  readonly socket: TLSSocket;
  /** All messages, whole. */
  readonly messages: readonly Buffer[];
  readonly whenClosed: Promise<unknown>;
}

function rawSide(socket: TLSSocket): RawSide {
  const messages: Buffer[] = [];
  const frames = startFrames(
    1 << 26,
    () => {},
    (message) => messages.push(message),
  );
  socket.on('data', frames.take);
  socket.on('error', () => {});
  return { socket, messages, whenClosed: new Promise((resolve) => socket.once('close', resolve)) };
}

/** A relay that speaks frames to a node, or an operator to a relay, after its greeting. */
export async function connectSealed(
  port: number,
  relay: Member,
  greet = true,
  protocol = sealedProtocol,
): Promise<RawSide> {
  const tls = secureContext({ credentials: relay.credentials, trust: { authorities: [] } as never });
  const socket = connect({
    port,
    host: '127.0.0.1',
    ...tls,
    ALPNProtocols: [protocol],
    rejectUnauthorized: false,
  });
  const side = rawSide(socket);
  await once(socket, 'secureConnect');
  if (greet) socket.write(greeting);
  return side;
}

/** The end of a connection that is reset, which a side that does not read notices when it writes. */
export async function endOf({ socket, whenClosed }: RawSide): Promise<void> {
  const probe = setInterval(() => socket.write(frame(Buffer.alloc(0))), 20);
  await Promise.race([whenClosed, once(socket, 'error')]);
  clearInterval(probe);
}

export function request(message: Partial<ForwardRequest> & { readonly id: number }): Buffer {
  return frame(forwardRequestCodec.encode({ target: '', drop: false, ...message }));
}

/** The events among what a node sent after its key. */
export function eventsOf({ messages }: RawSide): ForwardEvent[] {
  return messages.slice(1).map((message) => forwardEventCodec.decode(message));
}

/**
 * A node of the fleet in the hands of an attacker: its side of each connection is given to the test.
 * @param protocols of ALPN
 * @param greets whether it greets, and sends its key
 */
export async function startHostileNode(
  node: Pick<Member, 'credentials'>,
  tls: TlsState,
  onConnection: (side: RawSide, send: (event: ForwardEvent) => void) => void,
  protocols: readonly string[] = [sealedProtocol],
  greets = protocols.includes(sealedProtocol),
): Promise<AsyncDisposable & { readonly port: number; readonly connected: () => number }> {
  const key = signKey(makeKeyPair(), node.credentials, Date.now());
  const open = new Set<TLSSocket>();
  let connected = 0;
  const context = { ...secureContext({ ...tls, credentials: node.credentials }), ...tlsVersion };
  const server = createServer({ ...context, requestCert: true, ALPNProtocols: [...protocols] }, (socket) => {
    open.add(socket);
    if (greets) {
      socket.write(Buffer.concat([greeting, frame(signedKeyCodec.encode(key))]));
    }
    onConnection(rawSide(socket), (event) => void socket.write(frame(forwardEventCodec.encode(event))));
  });
  server.on('connection', (socket) => {
    connected++;
    socket.once('close', () => connected--);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    connected: () => connected,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
