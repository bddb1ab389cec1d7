import type { Address } from '../../../core/node.ts';
import type { ClaimedTerms } from '../wire/txt.ts';

/** A packet's claims about a node, and the origin of the packet: true only once the node has proven it. */
export interface Sighting {
  readonly identity: string;
  /** The host name of the claim: it differs from machine to machine. */
  readonly target: string;
  readonly port: number;
  /** The claimed addresses, the likeliest first. */
  readonly hosts: readonly string[];
  /** The address that the packet was sent from. */
  readonly from: string;
  /** Undefined when the packet carried none. */
  readonly claims: ClaimedTerms | undefined;
}

/** How a node proved itself at an address. */
export interface Proof {
  /** Names the daemon that runs there: no other has it, even with the same certificate. Empty for an older one. */
  readonly id: string;
}

/** Whether the node with that name proves itself at an address, by a TLS handshake. Never throws. */
export type ProveNode = (name: string, address: Address) => Promise<Proof | undefined>;
