import { readdirSync, readFileSync } from 'node:fs';

/** A process of a session, by proc_pid_stat(5). */
interface Process {
  readonly pid: number;
  readonly group: number;
}

/** The processes of a session; those that began one of their own are out of sight. */
function processesOf(session: number): Process[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    const [, , group, own] = statOf(pid);
    return Number(own) === session ? [{ pid: Number(pid), group: Number(group) }] : [];
  });
}

/** State, parent, group, session, …: what follows the name, which may hold anything. */
function statOf(pid: string): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ', 4);
  } catch {
    return [];
  }
}

/** Milliseconds between two counts. */
const interval = 200;
const rounds = 20;

/**
 * Counts the processes of a session now and then, and kills them all when there are too many.
 * @returns a function that ends the watch
 */
export function watchSession(session: number, most: number, onTooMany: () => void): () => void {
  const timer = setInterval(() => {
    if (processesOf(session).length <= most) return;
    clearInterval(timer);
    onTooMany();
    killSession(session);
  }, interval);
  timer.unref();
  return () => clearInterval(timer);
}

/** Kills group by group until none is left: a group dies at once, new ones may be born meanwhile. */
function killSession(session: number): void {
  for (let round = 0; round < rounds; round++) {
    const groups = new Set(processesOf(session).map(({ group }) => group));
    if (groups.size === 0) return;
    for (const group of groups) {
      try {
        process.kill(-group, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
  }
}
