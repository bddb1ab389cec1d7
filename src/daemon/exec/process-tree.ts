import { readdirSync, readFileSync } from 'node:fs';

/** A process, by proc_pid_stat(5). */
interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** A zombie does nothing any more. */
  readonly isZombie: boolean;
  /** Ticks since the boot: with its number, they identify a process. */
  readonly start: number;
}

/** A command's processes, those too that began a session of their own. */
export interface ProcessTree {
  /** How many there are now. */
  readonly count: () => number;
  /** Kills them one after the other until none is left: new ones may be born meanwhile. */
  readonly kill: () => void;
}

const rounds = 20;

/**
 * The processes that come of one: those of its session, the children of any of them, and those whose environment has the
 * mark, wherever they went. Who was reparented and had cleared its environment before it was looked for is out of sight.
 * @param mark an entry of the environment (`NAME=value`) that no other process has
 */
export function findProcessTree(root: number, mark: string): ProcessTree {
  // It may have ended already; until it is waited for, its number is its own.
  const first = statOf(String(root))?.start ?? Number.POSITIVE_INFINITY;
  let known = new Map<number, number>();
  const strangers = new Map<number, number>();

  const isMarked = ({ pid, start }: Process): boolean => {
    if (strangers.get(pid) === start) return false;
    const environment = environmentOf(pid);
    if (environment.includes(mark)) return true;
    // It is empty while another program takes its place: not yet a stranger then.
    if (environment.length > 0) strangers.set(pid, start);
    return false;
  };
  const living = (): Process[] => {
    // Nobody is older than its ancestor; in the order of birth, a parent is judged before its children.
    const younger = processes()
      .filter(({ start }) => start >= first)
      .sort((a, b) => a.start - b.start || a.pid - b.pid);
    const found = new Map<number, number>();
    const ours = younger.filter((one) => {
      const belongs =
        one.session === root || known.get(one.pid) === one.start || found.has(one.parent) || isMarked(one);
      if (belongs) found.set(one.pid, one.start);
      return belongs;
    });
    known = found;
    return ours;
  };
  return {
    count: () => living().length,
    kill: () => {
      for (let round = 0; round < rounds; round++) {
        const left = living();
        if (left.length === 0) return;
        for (const { pid } of left) killProcess(pid);
      }
    },
  };
}

function processes(): Process[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const found = statOf(pid);
    return found === undefined || found.isZombie ? [] : [found];
  });
}

/** Undefined for what has ended and was waited for. */
function statOf(pid: string): Process | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // What follows the name, which may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, parent, , session] = fields;
    const numbers = { pid: Number(pid), parent: Number(parent), session: Number(session), start: Number(fields[19]) };
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
/** Milliseconds that a family is watched which outlives its command: what an agent started may go on, in bounds. */
const afterwards = 10_000;
/** Milliseconds after which nobody seen means nobody there: who is just taking another program has no environment to be known by. */
const settled = 1000;

/**
 * Counts a family now and then, and kills it when it is too large.
 * @returns a function that is to be called when the command has ended
 */
export function watchProcessTree(family: ProcessTree, most: number, onTooMany: () => void): () => void {
  let ended = Number.POSITIVE_INFINITY;
  const look = () => {
    const count = family.count();
    const since = performance.now() - ended;
    if (count > most) {
      onTooMany();
      family.kill();
    }
    if (count > most || since > afterwards || (count === 0 && since > settled)) clearInterval(timer);
  };
  const timer = setInterval(look, interval);
  timer.unref();
  return () => {
    ended = performance.now();
  };
}
