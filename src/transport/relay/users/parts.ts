import type { Log, RelayService, RelayUser } from '../../../core/ports.ts';

/** What serves a user of a relay. */
export interface UserParts {
  readonly relay: RelayService;
  /** The identity of the other end, checked for every message: a certificate may be revoked while its connection lives. */
  readonly user: () => RelayUser;
  readonly log: Log;
}
