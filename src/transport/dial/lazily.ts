import { once } from '../../core/waiting/concurrency.ts';
import type { Open } from './first-of.ts';

/** Makes what dials when it is first needed. */
export function lazily<Connection>(make: () => Promise<Open<Connection>>): Open<Connection> {
  const made = once(make);
  return async (name, addresses, signal) => (await made())(name, addresses, signal);
}
