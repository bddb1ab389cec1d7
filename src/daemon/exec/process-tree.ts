import { readdirSync, readFileSync } from 'node:fs';

/** A process, by proc_pid_stat(5). */
interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** A zombie no longer runs. */
  readonly isZombie: boolean;
  /** Ticks since the boot: with its number, they identify a process. */
  readonly start: number;
}

/** A command's processes, including those that began their own session. */
export interface ProcessTree {
  /** The current number. */
  readonly count: () => number;
  /** Kills them one after the other until none is left: new ones may start meanwhile. */
  readonly kill: () => void;
}

const rounds = 20;
/**
 * How many counts look only at processes that are new or known, before one that looks at all: a number is used again
 * only after all others.
 */
const shortLooks = 20;

/**
 * The process tree of one process: those of its session, the children of any of them, and those whose environment has
 * the mark, wherever they went. A process that was reparented and had cleared its environment before the search is
 * invisible.
 * @param mark an entry of the environment (`NAME=value`) that no other process has
 */
export function findProcessTree(root: number, mark: string): ProcessTree {
  // It may have ended already; until its parent collects it, its number is its own.
  const first = statOf(root)?.start ?? Number.POSITIVE_INFINITY;
  let known = new Map<number, number>();
  const strangers = new Map<number, number>();
  /** Numbers of processes that do not belong to it. */
  let others = new Set<number>();
  let looks = 0;

  const isMarked = ({ pid, start }: Process): boolean => {
    if (strangers.get(pid) === start) return false;
    const environment = environmentOf(pid);
    if (environment.includes(mark)) return true;
    // It is empty while another program replaces it: it does not count as foreign yet.
    if (environment.length > 0) strangers.set(pid, start);
    return false;
  };
  const living = (isShort: boolean): Process[] => {
    const pids = processIds();
    const looked = pids.filter((pid) => !(isShort && others.has(pid))).flatMap((pid) => statOf(pid) ?? []);
    // No process is older than its ancestor; in the order of their starts, a parent is judged before its children.
    const younger = looked
      .filter(({ isZombie, start }) => !isZombie && start >= first)
      .sort((a, b) => a.start - b.start || a.pid - b.pid);
    const found = new Map<number, number>();
    const ours = younger.filter((one) => {
      const belongs =
        one.session === root || known.get(one.pid) === one.start || found.has(one.parent) || isMarked(one);
      if (belongs) found.set(one.pid, one.start);
      return belongs;
    });
    known = found;
    const isOther = ({ pid, start }: Process) => start < first || strangers.get(pid) === start;
    const now = new Set(pids);
    others = new Set(
      [...looked.filter(isOther).map(({ pid }) => pid), ...(isShort ? others : [])].filter((pid) => now.has(pid)),
    );
    return ours;
  };
  return {
    count: () => living(looks++ % shortLooks !== 0).length,
    kill: () => {
      for (let round = 0; round < rounds; round++) {
        const left = living(false);
        if (left.length === 0) return;
        for (const { pid } of left) killProcess(pid);
      }
    },
  };
}

function processIds(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid));
}

/** Undefined for a process that has ended and was collected. */
function statOf(pid: number): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The text after the name, which may contain anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, parent, , session] = fields;
    const numbers = { pid, parent: Number(parent), session: Number(session), start: Number(fields[19]) };
    return { ...numbers, isZombie: state === 'Z' };
  } catch {
    return undefined;
  }
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(Boolean);
  } catch {
    return [];
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Milliseconds between two counts. */
const interval = 200;
/**
 * Milliseconds that a process tree is watched after its command has ended: processes that an agent started may
 * continue, within limits.
 */
const afterwards = 10_000;
/**
 * Milliseconds without a process until the tree counts as empty: a process that is replacing its program has no
 * environment yet.
 */
const settled = 1000;

/**
 * Counts a process tree at intervals, and kills it when it is too large.
 * @returns a function to call when the command has ended
 */
export function watchProcessTree(family: ProcessTree, most: number, onTooMany: () => void): () => void {
  let ended = Number.POSITIVE_INFINITY;
  const check = () => {
    const count = family.count();
    const since = performance.now() - ended;
    if (count > most) {
      onTooMany();
      family.kill();
    }
    if (count > most || since > afterwards || (count === 0 && since > settled)) clearInterval(timer);
  };
  const timer = setInterval(check, interval);
  timer.unref();
  return () => {
    ended = performance.now();
  };
}
