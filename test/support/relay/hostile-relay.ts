import { Problem } from '../../../src/core/errors.ts';
import type { NodeService, RelayService } from '../../../src/core/ports.ts';
import type { DiscoverEvent, SealedEvent, SealedRequest, SignedKey } from '../../../src/core/wire/messages.ts';
import { startListening } from '../../../src/transport/listen.ts';
import { createPeerDial } from '../../../src/transport/relay/peer-connection.ts';
import type { PeerConnection } from '../../../src/transport/relay/peers/peer.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { keepingLog } from '../node/quiet-log.ts';
import type { TestNode } from '../node/node.ts';

type OnEvent = (event: SealedEvent) => void;
/** Passes a request on as an honest relay does. */
export type Pass = (target: string, request: SealedRequest, onEvent: OnEvent) => Promise<void>;

/** Acts of a dishonest relay. */
export interface Behaviour {
  readonly discover?: (honest: readonly DiscoverEvent[]) => readonly DiscoverEvent[];
  readonly forward?: (target: string, request: SealedRequest, onEvent: OnEvent, pass: Pass) => Promise<void>;
}

/** A relay that the fleet's CA certified, in the hands of an attacker: it holds all that a relay holds. */
export interface HostileRelay extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly behave: (behaviour: Behaviour) => void;
  readonly pass: Pass;
  /** Connects to a node again, which was restarted. */
  readonly connect: (node: TestNode) => Promise<void>;
  /** The key that a node signed. */
  readonly key: (node: string) => Promise<SignedKey>;
  /** All bytes that it was given to pass on, in either direction. */
  readonly seen: Buffer[];
}

/** @param hasRole false: its certificate does not let it relay, and it does so all the same */
export async function startHostileRelay(
  fleet: Fleet,
  name: string,
  nodes: readonly TestNode[],
  hasRole = true,
): Promise<HostileRelay> {
  const { credentials } = await fleet.node(name, { relay: hasRole });
  const tls = () => ({ credentials, trust: fleet.trust });
  const { signal } = new AbortController();
  const dial = createPeerDial(tls, 5000);
  const peers = new Map<string, PeerConnection>();
  const connect = async ({ name: node, daemon }: TestNode) => {
    peers.get(node)?.close();
    peers.set(node, await dial(node, [{ host: '127.0.0.1', port: daemon.port }], signal));
  };
  for (const node of nodes) await connect(node);
  const seen: Buffer[] = [];
  let behaviour: Behaviour = {};

  const pass: Pass = async (target, request, onEvent) => {
    const peer = peers.get(target);
    if (peer === undefined) throw new Problem('unknown-target', 'it is not known');
    seen.push(...Object.values(request));
    await peer.sealed(
      request,
      (event) => {
        seen.push(event.salt, event.ciphertext);
        onEvent(event);
      },
      signal,
    );
  };
  const relay: RelayService = {
    admit: async () => {},
    forward: (target, request, _user, onEvent) =>
      (behaviour.forward ?? ((to, what, on) => pass(to, what, on)))(target, request, onEvent, pass),
    discover: async (_request, _user, onNode) => {
      const honest = await Promise.all(
        [...peers].map(async ([node, peer]) => ({
          node,
          key: await peer.key(signal),
          path: [name],
          lastHeard: Date.now(),
        })),
      );
      for (const event of (behaviour.discover ?? ((all) => all))(honest)) onNode(event);
    },
  };
  const listener = await startListening({
    host: '127.0.0.1',
    port: 0,
    tls,
    relay,
    service: nobody,
    log: keepingLog(),
    onStranger: () => {},
    limits: wide,
  });
  return {
    name,
    port: listener.port,
    behave: (next) => {
      behaviour = next;
    },
    pass,
    connect,
    key: async (node) => {
      const peer = peers.get(node);
      if (peer === undefined) throw new Error(`${node} is not known`);
      return await peer.key(signal);
    },
    seen,
    [Symbol.asyncDispose]: async () => {
      for (const peer of peers.values()) peer.close();
      await listener.stop(Promise.resolve(), 0);
    },
  };
}

/** It turns nobody away. */
const wide = {
  connections: {
    total: 64,
    perAddress: 64,
    perCaller: 64,
    unproven: 64,
    unprovenPerAddress: 64,
    handshake: 5000,
    quiet: 600_000,
  },
  stall: 30_000,
  idle: 600_000,
};

const refuse = () => Promise.reject(new Problem('not-serving', 'it only relays'));
const nobody: NodeService = {
  call: refuse,
  result: refuse,
  describe: refuse,
  key: () => {
    throw new Problem('not-serving', 'it only relays');
  },
  sealed: refuse,
  enter: () => () => {},
  turnAway: async () => {},
  isServing: () => true,
};
