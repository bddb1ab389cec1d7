import { callNode } from '../../../src/library/fleet/call-node.ts';
import { type KeyMemory, noKeyMemory } from '../../../src/library/relays/key-memory.ts';
import { startRelayLink } from '../../../src/library/relays/relay-link.ts';
import { type Relays, startRelays } from '../../../src/library/relays/relays.ts';
import type { Trust } from '../../../src/core/credentials/proof.ts';
import { Problem } from '../../../src/core/errors.ts';
import type { Dial, NodeConnection } from '../../../src/core/ports.ts';
import type { Outcome } from '../../../src/core/request/reply.ts';
import type { CallOptions } from '../../../src/core/request/request.ts';
import { createRelayDial } from '../../../src/transport/relay/dial-relay.ts';
import type { Member } from '../fleet/fleet.ts';
import { orderFor } from '../node/node.ts';
import { keepingLog } from '../node/quiet-log.ts';

/** A client that has these relays, and no other way unless one is given. */
export interface RelayClient {
  readonly relays: Relays;
  /** Names that the relays report. */
  readonly names: () => Promise<string[]>;
  readonly connect: (name: string) => Promise<NodeConnection>;
  /** Calls over a connection; the action changes something unless it is `echo`. */
  readonly call: (connection: NodeConnection, order?: Partial<CallOptions>, timeout?: number) => Promise<Outcome>;
}

const { signal } = new AbortController();
const nowhere: Dial = () => Promise.reject(new Problem('unreachable', 'there is no other way'));

export function startRelayClient(
  relays: readonly { readonly name: string; readonly port: number }[],
  { credentials }: Pick<Member, 'credentials'>,
  trust: Trust,
  direct = nowhere,
  memory: KeyMemory = noKeyMemory,
): RelayClient {
  const caller = { credentials, trust };
  const dial = createRelayDial(() => caller, 5000);
  const links = relays.map(({ name, port }) =>
    startRelayLink(name, () => dial(name, [{ host: '127.0.0.1', port }], signal)),
  );
  const started = startRelays({ links, caller, direct, memory, log: keepingLog() });
  return {
    relays: started,
    names: async () => {
      const names: string[] = [];
      for await (const name of started.ask({ timeout: 0, names: [], isWanted: () => true }, signal)) names.push(name);
      return names;
    },
    connect: async (name) => started.recall(name, []) ?? (await started.dial(name, [], signal)),
    call: (connection, order = {}, timeout = 5000) => {
      const changes = (order.action ?? 'echo') !== 'echo';
      const settings = { timeout, changes, onProgress: () => {}, signal };
      return callNode(connection, orderFor(connection.name, order), caller, settings);
    },
  };
}
