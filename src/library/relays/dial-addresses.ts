import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../core/errors.ts';
import type { Address } from '../../core/node.ts';
import { orAborted } from '../../core/waiting/or-aborted.ts';
import type { Open } from '../../transport/dial/first-of.ts';
import type { RelayConnection } from '../../transport/relay/connection.ts';

/** Milliseconds for which an address is tried alone; then the next one is tried, too. */
const headStart = 500;

/**
 * Connects to a relay at the first of all its addresses that answers for it. One that is dead does not hold up the
 * others, and neither does one that leads to another machine, also where they are the addresses of one host name.
 * @param dial connects to one address
 */
export function dialAddresses(
  dial: Open<RelayConnection>,
  addressesOf: (host: string) => Promise<readonly string[]> = lookUp,
): Open<RelayConnection> {
  return async (name, addresses, signal) => {
    const resolving = Promise.all(addresses.map((address) => resolve(address, addressesOf)));
    const all = await orAborted(resolving, signal).catch(() => {
      // No name makes it fail: only the signal does.
      throw new Problem('cancelled', `connecting to ${name} was cancelled`);
    });
    const over = new AbortController();
    const until = AbortSignal.any([signal, over.signal]);
    const attempts: Promise<RelayConnection>[] = [];
    for (const address of all.flat()) {
      const attempt = dial(name, [address], until);
      attempts.push(attempt);
      const failed = attempt.then(
        () => true,
        () => false,
      );
      const first = Promise.any(attempts).catch(() => false);
      const pause = sleep(headStart, false, { ref: false, signal: over.signal }).catch(() => false);
      if ((await Promise.race([first, failed, pause])) !== false) break;
    }
    try {
      const connected = await Promise.any(attempts);
      for (const attempt of attempts)
        attempt.then(
          (other) => other !== connected && other.close(),
          () => {},
        );
      return connected;
    } catch (error) {
      throw (error as AggregateError).errors.at(-1) ?? new Problem('unreachable', `no address of ${name} is known`);
    } finally {
      over.abort();
    }
  };
}

async function lookUp(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** A host name that cannot be resolved stays as it is: the attempt to connect explains why. */
async function resolve(
  address: Address,
  addressesOf: (host: string) => Promise<readonly string[]>,
): Promise<Address[]> {
  // With a zone, too (RFC 4007).
  if (isIP(address.host.replace(/%.*/, '')) !== 0) return [address];
  const hosts = await addressesOf(address.host).catch(() => []);
  return hosts.length === 0 ? [address] : hosts.map((host) => ({ ...address, host }));
}
