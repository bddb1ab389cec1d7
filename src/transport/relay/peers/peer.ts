import type { Problem } from '../../../core/errors.ts';
import type { SealedEvent, SealedRequest, SignedKey } from '../../../core/wire/messages.ts';
import type { RelayConnection } from '../connection.ts';

/** What a relay needs from one of its peers. */
export interface PeerConnection {
  readonly name: string;
  /** Why the peer must not be used any more: it may be revoked meanwhile. */
  readonly refuse: () => Problem | undefined;
  readonly key: (signal: AbortSignal) => Promise<SignedKey>;
  readonly sealed: (
    request: SealedRequest,
    onEvent: (event: SealedEvent) => void,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Set when the peer's certificate allows it to relay. */
  readonly relay?: RelayConnection;
  readonly whenLost: () => Promise<void>;
  readonly close: () => void;
}
