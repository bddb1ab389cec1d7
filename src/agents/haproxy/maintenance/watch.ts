import { explain } from '../../../core/errors.ts';
import type { Log } from '../../../core/ports.ts';
import { defineChangeMutex } from '../runtime/mutex.ts';
import { readInfo } from '../runtime/process.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readViews } from '../servers/backend.ts';
import { checkHost, type ProcessView } from './check-held-host.ts';
import type { Break, HeldHost } from './held-hosts.ts';
import { maintenanceFile, readMaintenance, writeMaintenance } from './store.ts';

/** Keeps hosts out, over reloads of HAProxy and against anything that puts them in. */
export interface MaintenanceWatch {
  readonly hosts: () => readonly HeldHost[];
  /**
   * Adds hosts, or replaces those with these names; stored on disk when it returns. @throws Problem `unwritable-state`,
   * `damaged-state`
   */
  readonly put: (hosts: readonly HeldHost[]) => Promise<void>;
  /** @throws Problem `unwritable-state`, `damaged-state` */
  readonly remove: (names: readonly string[]) => Promise<void>;
  /** Checks all held hosts now. @throws Problem `damaged-state`, or as {@link Runtime.ask} if a HAProxy cannot be asked */
  readonly checkNow: (signal: AbortSignal) => Promise<void>;
  /** Acts while no check is in progress: a check takes out again what it found in traffic, even a moment later. @throws Problem `cancelled` */
  readonly betweenChecks: <T>(act: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly stop: () => Promise<void>;
}

export interface MaintenanceWatchSetup {
  readonly runtimes: readonly Runtime[];
  readonly stateDirectory: string;
  readonly log: Log;
  /** Seconds between two checks; there are none while nothing is held. */
  readonly every: number;
}

/**
 * A reload or restart makes HAProxy forget maintenance (haproxy#2085), and an agent-check, a tool or a person may lift
 * it. In any case the host is taken out again, and the break is recorded: only `enable` ends a hold.
 */
export async function startMaintenanceWatch(setup: MaintenanceWatchSetup): Promise<MaintenanceWatch> {
  const { runtimes, stateDirectory, log, every } = setup;
  const stopping = new AbortController();
  const held = await openHeldHosts(maintenanceFile(stateDirectory), log);
  const oneByOne = defineChangeMutex();
  const checkNow = (signal: AbortSignal) => oneByOne(() => checkAll(runtimes, held, log, signal), signal);
  const complain = complainOnce(log);
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const plan = () => {
    if (timer !== undefined || stopping.signal.aborted || held.hosts().length === 0) return;
    timer = setTimeout(() => {
      running = checkNow(stopping.signal)
        .then(complain.over, (problem: unknown) => {
          if (!stopping.signal.aborted) complain.complain(problem);
        })
        .finally(() => {
          timer = undefined;
          plan();
        });
    }, every * 1000);
    timer.unref();
  };
  plan();
  return {
    hosts: held.hosts,
    put: async (hosts) => {
      await held.change((now) => [
        ...without(
          now,
          hosts.map(({ host }) => host),
        ),
        ...hosts,
      ]);
      plan();
    },
    remove: (names) => held.change((now) => without(now, names)),
    checkNow,
    betweenChecks: oneByOne,
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await running;
    },
  };
}

/** The hosts in memory, and their file. */
interface HeldHosts {
  readonly hosts: () => readonly HeldHost[];
  readonly change: (next: (now: readonly HeldHost[]) => readonly HeldHost[]) => Promise<void>;
}

/** A damaged file is refused until it is moved away: each change reads it again and reports it. */
async function openHeldHosts(file: string, log: Log): Promise<HeldHosts> {
  let hosts: readonly HeldHost[] = [];
  let damaged = true;
  const read = async () => {
    hosts = (await readMaintenance(file)).map(normalizeAfterRestart);
    damaged = false;
  };
  await read().catch((problem: unknown) => {
    log.error(
      { problem: explain(problem) },
      'the list of hosts that are held out cannot be read: nothing is taken out or put in',
    );
  });
  const oneByOne = defineChangeMutex();
  const never = new AbortController().signal;
  return {
    hosts: () => hosts,
    change: (next) =>
      oneByOne(async () => {
        if (damaged) await read();
        const before = hosts;
        const after = next(before);
        // Values that only change with time (the uptime of a process) do not justify a write.
        if (comparableState(after) !== comparableState(before)) await writeMaintenance(file, after);
        hosts = after;
      }, never),
  };
}

/** A change in progress when the daemon ended is over: the host must be out, and is not confirmed as out. */
function normalizeAfterRestart(host: HeldHost): HeldHost {
  if (host.stage === 'out') return host;
  const { outSince: _unknown, ...rest } = host;
  return { ...rest, stage: 'out' };
}

function comparableState(hosts: readonly HeldHost[]): string {
  const seen = ({ processes, ...rest }: HeldHost) => [
    rest,
    Object.entries(processes).map(([name, { pid, started }]) => [name, pid, started]),
  ];
  return JSON.stringify(hosts.map(seen));
}

async function checkAll(runtimes: readonly Runtime[], held: HeldHosts, log: Log, signal: AbortSignal): Promise<void> {
  // Reads a damaged file again, or reports it.
  await held.change((now) => now);
  if (!held.hosts().some(({ stage }) => stage === 'out')) return;
  const known = new Map(held.hosts().map((host) => [host.host, host]));
  const read = await Promise.allSettled(runtimes.map((runtime) => readProcess(runtime, signal)));
  const failures: unknown[] = [];
  // A process that cannot be asked does not keep the others from being checked.
  for (const one of read) {
    if (one.status === 'rejected') failures.push(one.reason);
    else await checkProcess(one.value, known, held, log, signal).catch((failure: unknown) => failures.push(failure));
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Its identity is read first: after a reload in between, the states belong to a newer process, never to an older one.
 */
async function readProcess(runtime: Runtime, signal: AbortSignal): Promise<ProcessView> {
  return { runtime, info: await readInfo(runtime, signal), views: await readViews([runtime], signal) };
}

/** @param known the hosts when the process was read, by name; checked ones are replaced */
async function checkProcess(
  process: ProcessView,
  known: Map<string, HeldHost>,
  held: HeldHosts,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (const host of [...known.values()].filter(({ stage }) => stage === 'out')) {
    // A change of it may have begun meanwhile: then the reading is void.
    if (!held.hosts().includes(host)) continue;
    const others = [...known.values()].filter((other) => other !== host);
    const checked = await checkHost(host, others, process, signal);
    await held.change((now) => now.map((one) => (one === host ? checked.host : one)));
    known.set(host.host, checked.host);
    for (const one of checked.breaks) logBreak(host, one, log);
  }
}

function logBreak({ host }: HeldHost, { line, socket, cause, where }: Break, log: Log): void {
  log.warn(
    { host, line, socket, cause, where },
    'a host that is held out was put into traffic: it was taken out again',
  );
}

/** A HAProxy that stays away is reported once, not at every check. */
function complainOnce(log: Log): { complain: (problem: unknown) => void; over: () => void } {
  let last = '';
  return {
    complain: (problem) => {
      const words = explain(problem);
      if (words !== last) log.warn({ problem: words }, 'hosts that are held out could not be watched');
      last = words;
    },
    over: () => {
      last = '';
    },
  };
}

function without(hosts: readonly HeldHost[], names: readonly string[]): readonly HeldHost[] {
  return hosts.filter(({ host }) => !names.includes(host));
}
