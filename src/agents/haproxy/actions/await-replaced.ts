import type { ActionContext } from '../../../core/agent.ts';
import { Problem } from '../../../core/errors.ts';
import type { HaproxyConfig } from '../config.ts';
import type { HeldHost } from '../maintenance/held-hosts.ts';
import { findMachineProcesses } from '../runtime/machine-processes.ts';
import { pause } from '../runtime/mutex.ts';
import { type HaproxyInfo, pidsOf, type Processes } from '../runtime/process.ts';
import { findReplacedProcesses, isServing, type ReplacedProcess } from '../runtime/replaced-processes.ts';
import type { ScopedHost } from '../servers/scope.ts';
import { namesOf } from './report.ts';

/** Milliseconds between two looks. */
const lookEvery = 50;

export interface ReplacedSetup {
  readonly config: Pick<HaproxyConfig, 'replaced_timeout' | 'replaced_left'>;
  readonly hosts: readonly ScopedHost[];
  /** The holds before the call. */
  readonly before: readonly HeldHost[];
  /** The processes in which all hosts are out. */
  readonly processes: Processes;
  /** From `performance.now()`. */
  readonly deadline: number;
}

/** A process that no command reaches, and that may send requests to hosts. */
interface Serving {
  readonly socket: string;
  readonly process: ReplacedProcess;
  readonly hosts: readonly ScopedHost[];
}

/**
 * Waits until the processes that reloads replaced have ended. Requests that arrive over a connection of such a process
 * are served by it, to any server that it takes for up: it has not received what was said to the process at the socket.
 * @returns whether there were any
 * @throws Problem `haproxy-replaced` if they do not end in time, unless they are only to be reported
 */
export async function awaitReplaced(setup: ReplacedSetup, { signal, progress }: ActionContext): Promise<boolean> {
  const all = await findServing(setup);
  let reported = false;
  for (;;) {
    const left = all.filter(({ process }) => isServing(process));
    const [first] = left;
    if (first === undefined) return all.length > 0;
    if (performance.now() >= setup.deadline) {
      const problem = stillServing(first);
      if (setup.config.replaced_left === 'refuse') throw problem;
      progress(problem.message);
      return true;
    }
    if (!reported) progress(`waiting for HAProxy’s process ${first.process.pid}, which a reload replaced, to end`);
    reported = true;
    await pause(lookEvery, signal);
  }
}

async function findServing({ hosts, before, processes }: ReplacedSetup): Promise<Serving[]> {
  const holds = new Map(before.map((held) => [held.host, held]));
  const open = Object.entries(processes)
    .map(([socket, info]) => ({
      socket,
      pid: info.pid,
      hosts: hosts.filter(({ name }) => wasIn(holds.get(name), info)),
    }))
    .filter((one) => one.hosts.length > 0);
  if (open.length === 0) return [];
  const [current, machine] = [pidsOf(processes), await findMachineProcesses()];
  const found = open.map(async ({ pid, ...where }) => {
    const replaced = await findReplacedProcesses(pid, current, machine);
    return replaced.map((process) => ({ ...where, process }));
  });
  return (await Promise.all(found)).flat();
}

/** Whether it may have been in when the process began: those that it replaced received no later command. */
function wasIn(held: HeldHost | undefined, { started }: HaproxyInfo): boolean {
  return held?.outSince === undefined || started === undefined || held.outSince >= started * 1000;
}

function stillServing({ socket, process: { pid }, hosts }: Serving): Problem {
  return new Problem(
    'haproxy-replaced',
    `HAProxy at ${socket} was reloaded, and its earlier process ${pid} still serves the connections of that time: it may send requests to ${namesOf(hosts).join(', ')}`,
    `try again once process ${pid} has ended (“hard-stop-after” in HAProxy’s configuration limits its time), or end it`,
  );
}
