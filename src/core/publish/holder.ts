import type { Identity } from '../identity.ts';
import type { Address } from '../node.ts';
import type { FetchEvent, FetchRequest, StoreReply, StoreRequest } from '../wire/messages.ts';

/** The functions of a node that stores published artifacts, besides its actions. */
export interface ArtifactHolder {
  /**
   * Accepts a part of an artifact from the operator whose ticket it accepted.
   * @throws Problem `unknown-ticket`, `expired-ticket`, `bad-chunk`, `no-space`
   */
  readonly store: (request: StoreRequest, operator: Identity) => Promise<StoreReply>;
  /**
   * Sends chunks to another node under an operator's ticket.
   * @param send resolves when more may be sent
   * @throws Problem `bad-ticket`, `expired-ticket`, `policy-denied`, `not-published`, `busy`, `bad-chunk`
   */
  readonly give: (
    request: FetchRequest,
    peer: Identity,
    send: (event: FetchEvent) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>;
}

/** A connection to another node that may hold an artifact; its identity is proven. */
export interface ArtifactPeer {
  readonly name: string;
  /** Resolves at the end of the requested chunks. @param onEvent more is read when it has resolved */
  readonly fetch: (
    request: FetchRequest,
    onEvent: (event: FetchEvent) => Promise<void>,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly close: () => void;
}

/**
 * Connects to a node by its name, at given addresses or at those that this node knows. @throws Problem as a Dial does
 */
export type OpenArtifactPeer = (
  name: string,
  addresses: readonly Address[],
  signal: AbortSignal,
) => Promise<ArtifactPeer>;
