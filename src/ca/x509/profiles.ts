import authority from '../../../certs/profiles/authority.json' with { type: 'json' };
import node from '../../../certs/profiles/node.json' with { type: 'json' };
import operator from '../../../certs/profiles/operator.json' with { type: 'json' };
import root from '../../../certs/profiles/root.json' with { type: 'json' };
import type { Identity } from '../../core/identity.ts';

/** The content of certificates of a kind (certs/README.md). A requester cannot influence it. */
export interface Profile {
  readonly description: string;
  /** Days from issue to expiry, where none are given. */
  readonly days: number;
  /** How far `notBefore` is in the past, for hosts whose clocks are behind. */
  readonly backdateMinutes: number;
  /** Names of RFC 5280, 4.2.1.3. */
  readonly keyUsage: readonly string[];
  /** Names of RFC 5280, 4.2.1.12. */
  readonly extendedKeyUsage: readonly string[];
  /** `URI:…` and `DNS:…`, with {realm} and {name} to fill in. */
  readonly names: readonly string[];
  /** Additional names on the certificate of a node that may relay. */
  readonly relayNames?: readonly string[];
  /** Present on a CA: how many CAs it may have below it. */
  readonly pathLength?: number;
}

export const authorityProfile: Profile & { readonly crlDays: number } = authority;

/** A root that only signs the CAs of fleets. */
export const rootProfile: Profile & { readonly crlDays: number } = root;

export const profiles: Readonly<Record<Identity['kind'], Profile>> = { node, operator };
