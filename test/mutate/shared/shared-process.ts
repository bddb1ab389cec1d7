import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Messages to the process. */
export interface Order {
  readonly id: number;
  /** The URL of the test file. */
  readonly test: string;
  /** The URLs of the files to load again. */
  readonly again: readonly string[];
}
/** Messages from the process. */
export interface Answer {
  readonly id: number;
  readonly outcome: Outcome;
}
/** Unclear: something failed outside of the test, or the process ended. */
export type Outcome = 'passed' | 'failed' | 'late' | 'unclear';

/** A process in which test files run again and again, without a start of Node and without loading all that they import. */
export interface SharedProcess extends Disposable {
  /**
   * Runs a test file until a test fails.
   * @param again the files to load again: the one that was changed, and all that import it
   * @param most milliseconds
   */
  readonly run: (test: string, again: readonly string[], most: number) => Promise<Outcome>;
  /** Ends the process, and what it left behind with it. The next run starts another. */
  readonly end: () => void;
  /** The number of the process: another one has another. */
  readonly life: () => number;
  /** Whether it ends soon, because it has run so often. */
  readonly isOld: () => boolean;
}

/** Each run leaves its copies of the files in memory. Some more runs than this are made, to prove what is not proven. */
const mostRuns = 200;
const moreRuns = 50;

/** @param root of the copy of the project, where the files are changed */
export function shareProcess(root: string): SharedProcess {
  let [host, runs, temporary]: [ChildProcess | undefined, number, string] = [undefined, 0, ''];
  let lives = 0;

  const end = () => {
    if (host?.pid !== undefined) killGroup(host.pid);
    if (temporary !== '') rmSync(temporary, { recursive: true, force: true });
    [host, runs, temporary] = [undefined, 0, ''];
    lives++;
  };
  const start = async (): Promise<ChildProcess> => {
    temporary = mkdtempSync(join(tmpdir(), 'mut-'));
    const env = { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: join(root, 'compiled') };
    const execArgv = ['--disable-warning=ExperimentalWarning'];
    const entry = join(import.meta.dirname, 'host.ts');
    host = fork(entry, { cwd: root, env, execArgv, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], detached: true });
    await once(host, 'message');
    return host;
  };
  return {
    run: async (test, again, most) => {
      if (runs >= mostRuns + moreRuns) end();
      const child = host ?? (await start());
      runs++;
      const url = (file: string) => pathToFileURL(join(root, file)).href;
      const outcome = await ask(child, { id: runs, test: url(test), again: again.map(url) }, most);
      if (outcome === 'unclear' || outcome === 'late') end();
      return outcome;
    },
    end,
    life: () => lives,
    isOld: () => runs >= mostRuns,
    [Symbol.dispose]: end,
  };
}

function ask(child: ChildProcess, order: Order, most: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const onAnswer = ({ id, outcome }: Answer) => id === order.id && settle(outcome);
    const onExit = () => settle('unclear');
    const timer = setTimeout(() => settle('late'), most);
    const settle = (outcome: Outcome) => {
      clearTimeout(timer);
      child.off('message', onAnswer).off('exit', onExit);
      resolve(outcome);
    };
    child.on('message', onAnswer).on('exit', onExit);
    child.send(order);
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
