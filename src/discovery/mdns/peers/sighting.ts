import type { Address } from '../../../core/node.ts';
import type { ClaimedTerms } from '../wire/txt.ts';

/** What a packet claims of a node, and where the packet came from: true only once the node has proven it. */
export interface Sighting {
  readonly identity: string;
  /** The host name that the claim points to: it differs from machine to machine. */
  readonly target: string;
  readonly port: number;
  /** Where the node is said to be, the likeliest first. */
  readonly hosts: readonly string[];
  /** The address that the packet was sent from. */
  readonly from: string;
  /** Undefined when the packet carried none. */
  readonly claims: ClaimedTerms | undefined;
}

/** Whether the node of that name proves itself at an address, by a TLS handshake. Never throws. */
export type ProveNode = (name: string, address: Address) => Promise<boolean>;
