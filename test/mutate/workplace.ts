import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A copy of the project in which files may be broken. Processes that tests start run from it, too. */
export interface Workplace extends Disposable {
  readonly write: (file: string, text: string) => void;
  /**
   * Runs a test file by itself.
   * @param timeout milliseconds, after which it and all that it started is killed
   */
  readonly run: (test: string, timeout: number) => Promise<{ readonly passed: boolean; readonly took: number }>;
}

export function makeWorkplace(root: string): Workplace {
  const place = mkdtempSync(join(tmpdir(), 'mco-mutate-'));
  const left = new Set(['node_modules', '.git', 'build/out', 'build/release']);
  cpSync(root, place, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !left.has(path.slice(root.length + 1)),
  });
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
  if (existsSync(join(root, 'build/out'))) symlinkSync(join(root, 'build/out'), join(place, 'build/out'));
  return {
    write: (file, text) => writeFileSync(join(place, file), text),
    run: (test, timeout) => runTest(place, test, timeout),
    [Symbol.dispose]: () => rmSync(place, { recursive: true, force: true }),
  };
}

async function runTest(place: string, test: string, timeout: number): Promise<{ passed: boolean; took: number }> {
  const began = performance.now();
  const argv = ['--disable-warning=ExperimentalWarning', test];
  const child = spawn(process.execPath, argv, { cwd: place, stdio: 'ignore', detached: true });
  const code = await new Promise<number | null>((resolve) => {
    const timer = setTimeout(() => end(child.pid), timeout);
    child.once('close', (given) => {
      clearTimeout(timer);
      resolve(given);
    });
  });
  end(child.pid);
  return { passed: code === 0, took: performance.now() - began };
}

/** The whole process group: a test that was killed leaves its daemons behind. */
function end(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
