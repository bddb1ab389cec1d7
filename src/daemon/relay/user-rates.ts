import { callerId } from '../../core/identity.ts';
import type { RelayUser } from '../../core/ports.ts';
import { type CallerLimits, startCallerLimiter } from '../calls/caller-limits.ts';

/** How fast users may call. */
export interface UserRates {
  /** An operator, or the users of this host together. */
  readonly user: CallerLimits;
  /** Another relay, with all its users. */
  readonly relay: CallerLimits;
}

/**
 * Limits the requests of each user to each node. A node counts what it cannot attribute against the relay: one user must
 * not use up what the node lets the relay send, and so keep the others from the node.
 * @returns counts one @throws Problem `rate-limited`
 */
export function startUserRates({ user, relay }: UserRates, now: () => number) {
  const unlimited = { atOnce: Number.POSITIVE_INFINITY };
  const users = startCallerLimiter({ ...user, ...unlimited }, now);
  const relays = startCallerLimiter({ ...relay, ...unlimited }, now);
  return (from: RelayUser, target: string): void => {
    const name = from === 'local' ? 'local users' : callerId(from);
    const limiter = from !== 'local' && from.kind === 'node' ? relays : users;
    // Bytes do not count: parts of artifacts are large.
    limiter.enter(`${name} to ${target}`, 0)();
  };
}
