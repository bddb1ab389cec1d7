import { Problem } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';
import { parseServersState, parseStat, type Row, textIn } from '../runtime/parse-stats.ts';
import { firstLine, type Runtime } from '../runtime/runtime.ts';
import { type AdminState, type Server, toServer } from './server.ts';

/** A backend as one HAProxy process sees it. */
export interface BackendView {
  readonly runtime: Runtime;
  readonly backend: string;
  readonly servers: readonly Server[];
}

/** Types of lines that “show stat” is asked for: 2 backends, 4 servers. */
const everyBackend = 'show stat -1 6 -1';

/**
 * Reads a backend from every socket that has it.
 * @throws Problem `unknown-backend` when none has it, or as {@link Runtime.ask} when one cannot be asked
 */
export async function readBackend(runtimes: readonly Runtime[], backend: string, signal: AbortSignal) {
  if (!/^[A-Za-z0-9_.:-]+$/.test(backend)) throw new Problem('bad-name', 'this is no name of a backend');
  const read = await Promise.all(runtimes.map((runtime) => readView(runtime, backend, signal)));
  const views = read.filter((view) => view !== undefined);
  if (views.length > 0) return views;
  const known = new Set((await listBackends(runtimes, signal)).map((view) => view.backend));
  throw new Problem('unknown-backend', `HAProxy has no backend “${backend}”`, suggest(backend, known));
}

/** Reads every backend of every socket. */
export async function listBackends(runtimes: readonly Runtime[], signal: AbortSignal): Promise<BackendView[]> {
  const views = await Promise.all(
    runtimes.map(async (runtime) => {
      const [stat, state] = await readBoth(runtime, everyBackend, 'show servers state', signal);
      const names = stat.filter(isBackend).map((row) => textIn(row, 'pxname'));
      return names.map((backend) => ({ runtime, backend, servers: serversOf(backend, stat, state) }));
    }),
  );
  return views.flat();
}

async function readView(runtime: Runtime, backend: string, signal: AbortSignal): Promise<BackendView | undefined> {
  const stat = parseStat(await runtime.ask(`show stat ${backend} 6 -1`, signal));
  // HAProxy takes a name of digits for a number of a proxy: only lines that carry the name count.
  if (!stat.some((row) => isBackend(row) && textIn(row, 'pxname') === backend)) return undefined;
  const state = parseServersState(await runtime.ask(`show servers state ${backend}`, signal));
  return { runtime, backend, servers: serversOf(backend, stat, state) };
}

async function readBoth(runtime: Runtime, statCommand: string, stateCommand: string, signal: AbortSignal) {
  const [stat, state] = await Promise.all([runtime.ask(statCommand, signal), runtime.ask(stateCommand, signal)]);
  return [parseStat(stat), parseServersState(state)] as const;
}

function isBackend(row: Row): boolean {
  return textIn(row, 'type') === '1';
}

function serversOf(backend: string, stat: readonly Row[], state: readonly Row[]): Server[] {
  const stats = new Map(
    stat
      .filter((row) => textIn(row, 'type') === '2' && textIn(row, 'pxname') === backend)
      .map((row) => [textIn(row, 'svname'), row]),
  );
  return state
    .filter((row) => textIn(row, 'be_name') === backend)
    .flatMap((row) => {
      const stat = stats.get(textIn(row, 'srv_name'));
      return stat === undefined ? [] : [toServer(stat, row)];
    });
}

/** @throws Problem `haproxy-refused`: these commands answer nothing when they succeed, so any text is a complaint */
export async function change(runtime: Runtime, command: string, signal: AbortSignal): Promise<void> {
  const answer = await runtime.ask(command, signal);
  if (answer === '') return;
  const hint = 'see that the socket has “level admin” and that HAProxy was not reloaded with other servers';
  throw new Problem('haproxy-refused', `HAProxy at ${runtime.name} refused “${command}”: ${firstLine(answer)}`, hint);
}

export function setState(view: BackendView, server: string, state: AdminState, signal: AbortSignal): Promise<void> {
  return change(view.runtime, `set server ${view.backend}/${server} state ${state}`, signal);
}

/** @param weight `N` or `N%` */
export function setWeight(view: BackendView, server: string, weight: string, signal: AbortSignal): Promise<void> {
  return change(view.runtime, `set server ${view.backend}/${server} weight ${weight}`, signal);
}
