import { explain } from '../../../core/errors.ts';
import type { Log } from '../../../core/ports.ts';
import { pause } from '../runtime/mutex.ts';
import { type HaproxyInfo, isAnother, readInfo } from '../runtime/process.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Milliseconds for which hosts are watched that were put in: longer than HAProxy takes to reload. */
const watchFor = 10_000;

export type Processes = Readonly<Record<string, HaproxyInfo>>;

/**
 * Watches hosts for a moment after they were put in. A reload restores states that HAProxy wrote down before it: hosts
 * that were put in between would be out again, although nobody took them out.
 */
export interface Arrivals {
  /**
   * @param known the processes in which hosts are to be in, as they were before the hosts were put in
   * @param putInAgain puts in what a reload took out, and returns the names of these hosts; called after each reload
   */
  readonly watch: (known: Processes, putInAgain: (signal: AbortSignal) => Promise<readonly string[]>) => void;
  readonly stop: () => Promise<void>;
}

export interface ArrivalsSetup {
  readonly runtimes: readonly Runtime[];
  /** Seconds between two looks. */
  readonly every: number;
  /** Changes are made one at a time. */
  readonly inTurn: <T>(act: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly log: Log;
}

export function watchArrivals({ runtimes, every, inTurn, log }: ArrivalsSetup): Arrivals {
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  return {
    watch(known, putInAgain) {
      const { signal } = stopping;
      const onReload = async () => {
        const hosts = await inTurn(() => putInAgain(signal), signal);
        if (hosts.length > 0)
          log.warn({ hosts }, 'a reload of HAProxy took out hosts that were just put in: they were put in again');
      };
      const task = watchOne(runtimes, known, every * 1000, onReload, signal)
        .catch((problem: unknown) => {
          if (!stopping.signal.aborted)
            log.warn({ problem: explain(problem) }, 'hosts that a reload took out could not be put in again');
        })
        .finally(() => running.delete(task));
      running.add(task);
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function watchOne(
  runtimes: readonly Runtime[],
  before: Processes,
  every: number,
  onReload: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let known = before;
  const end = performance.now() + watchFor;
  while (performance.now() < end) {
    await pause(Math.min(every, watchFor), signal);
    const now = await readReachable(runtimes, known, signal);
    const reloaded = Object.entries(now).some(([name, info]) => isAnother(known[name] ?? info, info));
    known = { ...known, ...now };
    if (reloaded) await onReload();
  }
}

/** A process that is being restarted does not answer: the next look finds it. */
async function readReachable(runtimes: readonly Runtime[], known: Processes, signal: AbortSignal): Promise<Processes> {
  const asked = runtimes.filter(({ name }) => Object.hasOwn(known, name));
  const read = await Promise.all(
    asked.map(async (runtime) => {
      const info = await readInfo(runtime, signal).catch(() => undefined);
      return info === undefined ? [] : [[runtime.name, info] as const];
    }),
  );
  return Object.fromEntries(read.flat());
}
