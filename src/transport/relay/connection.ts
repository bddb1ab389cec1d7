import type { DiscoverEvent, DiscoverRequest } from '../../core/wire/messages.ts';
import type { Forward } from './forwarding.ts';

/** A relay, from the view of its user. None of its reports is proven. */
export interface RelayConnection {
  /** The relay's name, or `local` for the host's own daemon. */
  readonly name: string;
  /** Whether its certificate allows it to relay. */
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
