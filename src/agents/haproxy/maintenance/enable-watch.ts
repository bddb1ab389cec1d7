import { explain } from '../../../core/errors.ts';
import type { Log } from '../../../core/ports.ts';
import { pause } from '../runtime/mutex.ts';
import { findReplaced, type Processes, readInfo } from '../runtime/process.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Milliseconds for which hosts are watched after they were put in: longer than a reload of HAProxy. */
const watchFor = 10_000;

/**
 * Watches hosts for a short time after they were put in. A reload restores states that HAProxy saved before it: hosts
 * that were put in between would be out again, although nobody took them out.
 */
export interface EnableWatch {
  /**
   * @param known the processes in which hosts must be in, from before they were put in
   * @param putInAgain puts in what a reload took out, and returns the names of these hosts; called after each reload
   */
  readonly watch: (known: Processes, putInAgain: (signal: AbortSignal) => Promise<readonly string[]>) => void;
  readonly stop: () => Promise<void>;
}

export interface EnableWatchSetup {
  readonly runtimes: readonly Runtime[];
  /** Seconds between two checks. */
  readonly every: number;
  /** Changes are made one at a time. */
  readonly inTurn: <T>(act: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  readonly log: Log;
}

/** Hosts that were put in by one call. */
interface Watched {
  known: Processes;
  /** From `performance.now()`. */
  readonly end: number;
  readonly putInAgain: (signal: AbortSignal) => Promise<readonly string[]>;
}

export function startEnableWatch({ runtimes, every, inTurn, log }: EnableWatchSetup): EnableWatch {
  const stopping = new AbortController();
  const { signal } = stopping;
  const watched = new Set<Watched>();
  let running: Promise<void> | undefined;
  const complain = (problem: unknown) => {
    if (!signal.aborted)
      log.warn({ problem: explain(problem) }, 'hosts that a reload took out could not be put in again');
  };
  /** @returns whether it must be watched further */
  const checkOne = async (one: Watched, now: Processes): Promise<boolean> => {
    const reloaded = findReplaced(one.known, now).length > 0;
    one.known = { ...one.known, ...now };
    if (!reloaded) return performance.now() < one.end;
    try {
      const hosts = await inTurn(() => one.putInAgain(signal), signal);
      if (hosts.length > 0)
        log.warn({ hosts }, 'a reload of HAProxy took out hosts that were just put in: they were put in again');
      return performance.now() < one.end;
    } catch (problem) {
      complain(problem);
      return false;
    }
  };
  // One reading serves all calls: HAProxy has few places for connections.
  const checkAll = async () => {
    while (watched.size > 0) {
      await pause(Math.min(every * 1000, watchFor), signal);
      const all = [...watched];
      const now = await readReachable(runtimes, signal);
      for (const one of all) if (!(await checkOne(one, now))) watched.delete(one);
    }
  };
  return {
    watch(known, putInAgain) {
      watched.add({ known, end: performance.now() + watchFor, putInAgain });
      running ??= checkAll()
        .catch(complain)
        .finally(() => {
          running = undefined;
        });
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** A process that is restarting does not answer: the next check finds it. */
async function readReachable(runtimes: readonly Runtime[], signal: AbortSignal): Promise<Processes> {
  const read = await Promise.all(
    runtimes.map(async (runtime) => {
      const info = await readInfo(runtime, signal).catch(() => undefined);
      return info === undefined ? [] : [[runtime.name, info] as const];
    }),
  );
  return Object.fromEntries(read.flat());
}
