import { Problem } from '../../../core/errors.ts';
import { count } from '../../../core/text.ts';
import type { BackendView } from './backend.ts';
import { inRotation, type Server } from './server.ts';

/** Servers by name that are reckoned as out or in, whatever they are now. */
export interface AssumedServers {
  readonly out?: ReadonlySet<string>;
  readonly in?: ReadonlySet<string>;
}

/**
 * Servers that serve a backend, on the socket that has the fewest. Backup servers do not count: often
 * they only say sorry.
 */
export function countAvailable(views: readonly BackendView[], supposed: AssumedServers = {}): number {
  const serves = (server: Server) =>
    supposed.in?.has(server.name) === true || (inRotation(server) && supposed.out?.has(server.name) !== true);
  return Math.min(...views.map((view) => view.servers.filter((server) => !server.backup && serves(server)).length));
}

/**
 * Guards the last usable servers of a backend. Taking out servers that serve nothing is always allowed.
 * @returns how many are left
 * @throws Problem `too-few-servers`
 */
export function guardCapacity(views: readonly BackendView[], out: ReadonlySet<string>, least: number): number {
  const left = countAvailable(views, { out });
  if (left >= least || left === countAvailable(views)) return left;
  throw new Problem(
    'too-few-servers',
    `taking ${[...out].join(', ')} out would leave ${count(left, 'usable server')} in the backend “${views[0]?.backend}”, ` +
      `and ${least} must be left`,
    'take out fewer at once, or give min_available',
  );
}
