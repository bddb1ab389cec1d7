import { integerIn, isNoProxy, parseServersState, parseStat, type Row, textIn } from '../runtime/parse-stats.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type Server, toServer } from './server.ts';

/** A backend as one HAProxy process sees it. */
export interface BackendView {
  readonly runtime: Runtime;
  readonly backend: string;
  readonly servers: readonly Server[];
  /**
   * Servers that HAProxy itself counts as usable (columns `act` and `bck` of the backend’s own row): active, backup.
   */
  readonly active: number;
  readonly backups: number;
}

/** The processes that have these backends, each once. */
export function runtimesOf(views: readonly BackendView[]): Runtime[] {
  return [...new Set(views.map(({ runtime }) => runtime))];
}

/** The requested types of rows in “show stat”: 2 backends, 4 servers. */
const everyBackend = 'show stat -1 6 -1';

/** Reads every backend of every process. @throws Problem as {@link Runtime.ask} when one cannot be asked */
export async function readViews(runtimes: readonly Runtime[], signal: AbortSignal): Promise<BackendView[]> {
  return (await Promise.all(runtimes.map((runtime) => readProcess(runtime, signal)))).flat();
}

/** Reads the same backends again. One that is gone (HAProxy was reloaded without it) is omitted. */
export async function refreshViews(views: readonly BackendView[], signal: AbortSignal): Promise<BackendView[]> {
  const read = await Promise.all(views.map((view) => readBackend(view.runtime, view.backend, signal)));
  return read.filter((view) => view !== undefined);
}

async function readProcess(runtime: Runtime, signal: AbortSignal): Promise<BackendView[]> {
  const [stat, state] = await readBoth(runtime, everyBackend, 'show servers state', signal);
  const servers = Map.groupBy(state, (row) => textIn(row, 'be_name'));
  const stats = Map.groupBy(stat, (row) => textIn(row, 'pxname'));
  return [...stats].flatMap(([backend, rows]) => toView(runtime, backend, rows, servers.get(backend) ?? []) ?? []);
}

async function readBackend(runtime: Runtime, backend: string, signal: AbortSignal): Promise<BackendView | undefined> {
  // HAProxy reads a name of digits as the number of a proxy.
  if (/^-?[0-9]+$/.test(backend)) return readAmongAll(runtime, backend, signal);
  const answer = await runtime.ask(`show stat ${backend} 6 -1`, signal);
  if (isNoProxy(answer)) return undefined;
  const stat = parseStat(answer);
  // It gives the rows of a frontend that has the same name and stands first: none of these types.
  if (stat.length === 0) return readAmongAll(runtime, backend, signal);
  const state = parseServersState(await runtime.ask(`show servers state ${backend}`, signal));
  return toView(runtime, backend, stat, state);
}

/** For a backend whose name leads HAProxy to another proxy. */
async function readAmongAll(runtime: Runtime, backend: string, signal: AbortSignal): Promise<BackendView | undefined> {
  return (await readProcess(runtime, signal)).find((view) => view.backend === backend);
}

async function readBoth(runtime: Runtime, statCommand: string, stateCommand: string, signal: AbortSignal) {
  const [stat, state] = await Promise.all([runtime.ask(statCommand, signal), runtime.ask(stateCommand, signal)]);
  return [parseStat(stat), parseServersState(state)] as const;
}

/** @param stat and state: rows of that backend alone */
function toView(
  runtime: Runtime,
  backend: string,
  stat: readonly Row[],
  state: readonly Row[],
): BackendView | undefined {
  const own = stat.find(isBackend);
  if (own === undefined) return undefined;
  const stats = new Map(
    stat.filter((row) => textIn(row, 'type') === '2').map((row) => [textIn(row, 'svname'), row] as const),
  );
  const servers = state.flatMap((row) => {
    const found = stats.get(textIn(row, 'srv_name'));
    return found === undefined ? [] : [toServer(found, row)];
  });
  return { runtime, backend, servers, active: integerIn(own, 'act'), backups: integerIn(own, 'bck') };
}

function isBackend(row: Row): boolean {
  return textIn(row, 'type') === '1';
}
