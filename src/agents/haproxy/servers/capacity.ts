import { Problem } from '../../../core/errors.ts';
import { count } from '../../../core/text.ts';
import type { BackendView } from './backend.ts';
import { lineKey, linesOf, type ServerLine } from './line.ts';
import { inRotation, unknownState } from './state.ts';

/** Lines by key that are assumed to be out or in, whatever their current state. */
export interface AssumedLines {
  readonly out?: readonly ServerLine[];
  readonly in?: readonly ServerLine[];
}

/**
 * Servers that HAProxy would send requests to, in the view with the fewest. While there is an active server, backup
 * servers do not count: HAProxy does not use them, and often they only serve an error page.
 */
export function countAvailable(views: readonly BackendView[], assumed: AssumedLines = {}): number {
  return views.length === 0 ? 0 : Math.min(...views.map((view) => countView(view, assumed)));
}

function countView(view: BackendView, { out = [], in: into = [] }: AssumedLines): number {
  const outKeys = new Set(out.map(lineKey));
  const inKeys = new Set(into.map(lineKey));
  const serves = (line: ServerLine) =>
    inKeys.has(lineKey(line)) || (inRotation(line.server) && !outKeys.has(lineKey(line)));
  const lines = linesOf([view]).filter(({ server }) => server.backup === onBackups(view));
  return lines.filter(serves).length;
}

/** Whether only backup servers are left now, and receive the requests. */
function onBackups({ servers }: BackendView): boolean {
  const serving = servers.filter(inRotation);
  return serving.length > 0 && serving.every(({ backup }) => backup);
}

/**
 * Protects the last usable servers of each backend. Taking out lines that serve nothing is always allowed.
 * @returns how many are left in the view with the fewest
 * @throws Problem `too-few-servers`
 */
export function guardCapacity(views: readonly BackendView[], out: readonly ServerLine[], least: number): number {
  for (const view of views) {
    const left = countView(view, { out });
    if (left >= least || left === countView(view, {})) continue;
    throw new Problem(
      'too-few-servers',
      `taking ${namesIn(view, out)} out would leave ${count(left, 'usable server')} in the backend “${view.backend}” ` +
        `at ${view.runtime.name}, and ${least} must be left`,
      'take out fewer at once, or first bring back the servers that are down',
    );
  }
  return countAvailable(views, { out });
}

function namesIn(view: BackendView, out: readonly ServerLine[]): string {
  const keys = new Set(out.map(lineKey));
  return linesOf([view])
    .filter((line) => keys.has(lineKey(line)))
    .map(({ server }) => server.name)
    .join(', ');
}

/** Why nothing may be decided on this reading of backends; undefined if everything is known. */
export function findDoubt(views: readonly BackendView[]): Problem | undefined {
  for (const view of views) {
    const strange = view.servers.find((server) => unknownState(server) !== '');
    if (strange !== undefined) {
      const what = `${view.backend}/${strange.name} at ${view.runtime.name} has ${unknownState(strange)}`;
      return new Problem('haproxy-unknown-state', `${what}, which this version does not know`, 'update mco-deploy');
    }
    const count = (backup: boolean) => view.servers.filter((one) => one.backup === backup && inRotation(one)).length;
    const [active, backups] = [count(false), count(true)];
    if (active === view.active && backups === view.backups) continue;
    return new Problem(
      'haproxy-disagrees',
      `the backend “${view.backend}” at ${view.runtime.name} has ${view.active} active and ${view.backups} backup servers by ` +
        `HAProxy’s own count, and ${active} and ${backups} by the state of each`,
      'try again; if it stays so, report it with “show stat” and “show servers state” of this HAProxy',
    );
  }
  return undefined;
}
