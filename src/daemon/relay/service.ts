import { Problem } from '../../core/errors.ts';
import { callerId } from '../../core/identity.ts';
import type { NodeService, RelayService, RelayUser } from '../../core/ports.ts';
import { sizeOfRequest } from '../../core/sealed/size.ts';
import type { Policies } from '../agents/policies.ts';
import type { Budget } from './budget.ts';
import { discover, isOperator, type SearchParts } from './discover.ts';
import { startOtherRelays } from './other-relays.ts';

export interface RelayParts extends Omit<SearchParts, 'others'> {
  readonly own: Pick<NodeService, 'key' | 'sealed'>;
  readonly budget: Budget;
  /** Counts a request of a user to a node. @throws Problem `rate-limited` */
  readonly limitRate: (user: RelayUser, target: string) => void;
  readonly policies: Policies;
  readonly count: (what: 'forwarded' | 'withheld') => void;
}

const agent = 'relay';

/**
 * Relays for others. A request from an operator goes to a peer, or to another relay that has it as its peer; a request
 * from a node, which is such another relay, goes only to a peer: so no request passes more than two relays, whatever it
 * says.
 */
export function defineRelay(parts: RelayParts): RelayService {
  const { identity, own, pool, budget, limitRate, policies, count } = parts;
  const others = startOtherRelays(pool);
  return {
    admit: async (user, action) => {
      if (user === 'local') return;
      const caller = callerId(user);
      const limited = user.applications !== undefined;
      if (await policies.allows({ caller, agent, action, limited })) return;
      const hint = 'a policy on the relay would have to allow it (policies/relay.policy)';
      throw new Problem('policy-denied', `${caller} may not ${agent}.${action} on ${identity.name}`, hint);
    },
    forward: async (target, request, user, onEvent, signal) => {
      try {
        const leave = budget.take(user === 'local' ? user : callerId(user), sizeOfRequest(request));
        try {
          if (target === identity.name) {
            limitRate(user, target);
            return await own.sealed(request, identity, { send: onEvent, isCongested: () => false });
          }
          const peer = pool.warm(target) ?? (await pool.whenWarm(target));
          const relay = peer === undefined ? relayOf(target, user) : undefined;
          // Names that nobody has are not counted one by one.
          limitRate(user, target);
          if (relay === undefined) await peer?.connection.sealed(request, onEvent, signal);
          else await relay.forward(target, request, onEvent, signal);
        } finally {
          leave();
        }
        count('forwarded');
      } catch (error) {
        count('withheld');
        throw error;
      }
    },
    discover: (request, user, onNode, signal) => discover({ ...request, user, onNode, signal }, { ...parts, others }),
  };

  /** The second relay on the way. @throws Problem `unknown-target` */
  function relayOf(target: string, user: RelayUser) {
    const relay = isOperator(user) ? others.to(target) : undefined;
    if (relay === undefined) throw new Problem('unknown-target', `${identity.name} has no connection to ${target}`);
    return relay.connection;
  }
}
