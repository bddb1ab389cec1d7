import { createSecureContext, type SecureContext } from 'node:tls';
import { Problem } from '../../core/errors.ts';
import type { Address } from '../../core/node.ts';
import type { TlsState } from '../../core/ports.ts';
import { secureContext } from '../tls.ts';

/** Connects to a node or a relay by its name. */
export type Open<Connection> = (
  name: string,
  addresses: readonly Address[],
  signal: AbortSignal,
) => Promise<Connection>;

/** Connects to the first address of a node at which it can be reached. */
export function firstOf<Connection>(
  tls: () => TlsState,
  connectTo: (name: string, address: Address, context: SecureContext, signal: AbortSignal) => Promise<Connection>,
): Open<Connection> {
  const contextFor = shareContext();
  return async (name, addresses, signal) => {
    let last = new Problem('unreachable', `no address of ${name} is known`);
    for (const address of addresses) {
      if (signal.aborted) throw new Problem('cancelled', `connecting to ${name} was cancelled`);
      try {
        return await connectTo(name, address, contextFor(tls()), signal);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        last = error;
      }
    }
    throw last;
  };
}

/** One context for all dials, until the credentials or the trust change: made for each, a thousand cost a second. */
function shareContext(): (state: TlsState) => SecureContext {
  let last: (TlsState & { readonly context: SecureContext }) | undefined;
  return ({ credentials, trust }) => {
    if (last?.credentials !== credentials || last.trust !== trust) {
      last = { credentials, trust, context: createSecureContext(secureContext({ credentials, trust })) };
    }
    return last.context;
  };
}
