import { explain } from '../../../core/errors.ts';
import type { Log } from '../../../core/ports.ts';
import { readBackend, setState } from '../servers/backend.ts';
import {
  type StoredMaintenance,
  type HeldServer,
  maintenanceFile,
  readMaintenance,
  writeMaintenance,
} from './store.ts';
import { isAnother, readInfo } from '../runtime/process.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { inMaintenance } from '../servers/server.ts';

/** Keeps out what was taken out, over reloads of HAProxy. Called while no other change is under way. */
export interface MaintenanceWatch {
  readonly servers: () => readonly HeldServer[];
  /** @throws Problem `unwritable-state`, or as {@link Runtime.ask} */
  readonly add: (servers: readonly HeldServer[]) => Promise<void>;
  /** @throws Problem `unwritable-state` */
  readonly remove: (servers: readonly HeldServer[]) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface MaintenanceWatchSetup {
  readonly runtimes: readonly Runtime[];
  readonly stateDirectory: string;
  readonly log: Log;
  /** Seconds between two looks; there are none while nothing is held. */
  readonly every: number;
  /** Runs a look when no change is under way. */
  readonly inTurn: <T>(act: () => Promise<T>, signal: AbortSignal) => Promise<T>;
}

/**
 * A reload or restart makes HAProxy forget maintenance (haproxy#2085). It shows by another process; then
 * maintenance is asserted again. A server that is ready in the same process was let in by somebody: its hold ends.
 */
export async function startMaintenanceWatch({
  runtimes,
  stateDirectory,
  log,
  every,
  inTurn,
}: MaintenanceWatchSetup): Promise<MaintenanceWatch> {
  const file = maintenanceFile(stateDirectory);
  const stopping = new AbortController();
  let held = await readMaintenance(file);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const keep = async (next: StoredMaintenance) => {
    if (differs(next, held)) await writeMaintenance(file, next);
    held = next;
    plan();
  };
  const look = async () => keep(await lookAtAll(runtimes, held, log, stopping.signal));
  const complain = complainOnce(log);
  const plan = () => {
    if (timer !== undefined || stopping.signal.aborted || held.servers.length === 0) return;
    timer = setTimeout(() => {
      running = inTurn(look, stopping.signal)
        .catch(complain)
        .finally(() => {
          timer = undefined;
          plan();
        });
    }, every * 1000);
    timer.unref();
  };
  plan();
  return {
    servers: () => held.servers,
    async add(servers) {
      await look();
      // Taken out again, it is out since the first time, by whoever did it then.
      await keep({ ...held, servers: [...held.servers, ...without(servers, held.servers)] });
    },
    remove: (servers) => keep({ ...held, servers: without(held.servers, servers) }),
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** A HAProxy that stays away is told of once, not at every look. */
function complainOnce(log: Log): (problem: unknown) => void {
  let last = '';
  return (problem) => {
    const words = explain(problem);
    if (words !== last) log.warn({ problem: words }, 'servers in maintenance could not be watched');
    last = words;
  };
}

async function lookAtAll(
  runtimes: readonly Runtime[],
  held: StoredMaintenance,
  log: Log,
  signal: AbortSignal,
): Promise<StoredMaintenance> {
  let { servers } = held;
  const processes = { ...held.processes };
  for (const runtime of runtimes) {
    const now = await readInfo(runtime, signal);
    const known = processes[runtime.name];
    servers = await lookAt(runtime, servers, known !== undefined && isAnother(known, now), log, signal);
    processes[runtime.name] = now;
  }
  return { servers, processes };
}

/** Returns those that are still held. */
async function lookAt(
  runtime: Runtime,
  servers: readonly HeldServer[],
  begunAnew: boolean,
  log: Log,
  signal: AbortSignal,
): Promise<HeldServer[]> {
  const still: HeldServer[] = [];
  for (const [backend, held] of Map.groupBy(servers, (one) => one.backend)) {
    const [view] = await readBackend([runtime], backend, signal).catch(() => []);
    for (const one of held) {
      const told = { backend, server: one.server, socket: runtime.name };
      const found = view?.servers.find((server) => server.name === one.server);
      if (view === undefined || found === undefined || inMaintenance(found)) still.push(one);
      else if (begunAnew) {
        await setState(view, one.server, 'maint', signal);
        log.warn(told, 'HAProxy was reloaded: the server was put into maintenance again');
        still.push(one);
      } else log.info(told, 'somebody let the server in again: it is held out no longer');
    }
  }
  return still;
}

/** The uptime alone, which rises with every look, is not worth a write. */
function differs(next: StoredMaintenance, held: StoredMaintenance): boolean {
  const gist = ({ servers, processes }: StoredMaintenance) =>
    JSON.stringify([servers, Object.entries(processes).map(([name, { pid, started }]) => [name, pid, started])]);
  return gist(next) !== gist(held);
}

function without(servers: readonly HeldServer[], out: readonly HeldServer[]): HeldServer[] {
  return servers.filter((one) => !out.some(({ backend, server }) => backend === one.backend && server === one.server));
}
