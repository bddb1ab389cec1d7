import authority from '../../../certs/profiles/authority.json' with { type: 'json' };
import node from '../../../certs/profiles/node.json' with { type: 'json' };
import operator from '../../../certs/profiles/operator.json' with { type: 'json' };
import root from '../../../certs/profiles/root.json' with { type: 'json' };
import type { Identity } from '../../core/identity.ts';

/** What a certificate of a kind holds (certs/README.md). Nothing of it can be asked for by the one who requests. */
export interface Profile {
  readonly description: string;
  /** Days from issue to expiry, where none are given. */
  readonly days: number;
  /** How far `notBefore` lies in the past, for hosts whose clocks are behind. */
  readonly backdateMinutes: number;
  /** Names of RFC 5280, 4.2.1.3. */
  readonly keyUsage: readonly string[];
  /** Names of RFC 5280, 4.2.1.12. */
  readonly extendedKeyUsage: readonly string[];
  /** `URI:…` and `DNS:…`, with {realm} and {name} to fill in. */
  readonly names: readonly string[];
  /** More names, on the certificate of a node that may relay. */
  readonly relayNames?: readonly string[];
  /** Present on a CA: how many CAs may stand below it. */
  readonly pathLength?: number;
}

export const authorityProfile: Profile & { readonly crlDays: number } = authority;

/** A root that signs the CAs of fleets, and no holder. */
export const rootProfile: Profile & { readonly crlDays: number } = root;

export const profiles: Readonly<Record<Identity['kind'], Profile>> = { node, operator };
