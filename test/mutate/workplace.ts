import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Coverage, readCoverage } from './coverage.ts';

/** The time of a test, in milliseconds: by the clock, and on a processor. */
export interface Bounds {
  readonly took: number;
  readonly worked: number;
}
export interface Trial extends Bounds {
  readonly passed: boolean;
  /** Whether it was ended since it was over its bounds. */
  readonly late: boolean;
}

/** A copy of the project in which files may be broken. Processes that tests start run from it, too. */
export interface Workplace extends Disposable {
  /** The folder of the copy: what is edited meanwhile does not matter. */
  readonly root: string;
  readonly write: (file: string, text: string) => void;
  /** Runs a test file by itself until a test fails. When it is over the bounds, it and all that it started is killed. */
  readonly run: (test: string, bounds: Bounds) => Promise<Trial>;
  /** Runs a test file by itself, and counts what it runs: null where it starts processes, which may leave no counts. */
  readonly measure: (test: string, bounds: Bounds) => Promise<Trial & { readonly coverage: Coverage }>;
}

export function makeWorkplace(root: string): Workplace {
  const place = mkdtempSync(join(tmpdir(), 'mco-mutate-'));
  const temporary = mkdtempSync(join(tmpdir(), 'mut-'));
  const left = new Set(['node_modules', '.git', 'build/out', 'build/release']);
  cpSync(root, place, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !left.has(path.slice(root.length + 1)),
  });
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'));
  if (existsSync(join(root, 'build/out'))) symlinkSync(join(root, 'build/out'), join(place, 'build/out'));
  const environment = { ...process.env, TMPDIR: temporary, NODE_COMPILE_CACHE: join(place, 'compiled') };
  const preload = (name: string) => pathToFileURL(join(place, 'test/mutate', name)).href;
  return {
    root: place,
    write: (file, text) => writeFileSync(join(place, file), text),
    run: async (test, bounds) => {
      const reporter = [`--test-reporter=${preload('stop-at-failure.ts')}`, '--test-reporter-destination=stderr'];
      const trial = await runTest(place, [...reporter, test], environment, bounds);
      empty(temporary);
      return trial;
    },
    measure: async (test, bounds) => {
      const [counts, note] = [join(place, 'coverage'), join(place, 'started-others')];
      for (const path of [counts, note]) rmSync(path, { recursive: true, force: true });
      const counting = { ...environment, NODE_V8_COVERAGE: counts, MUTATE_NOTE: note };
      const trial = await runTest(place, [`--import=${preload('note-children.ts')}`, test], counting, bounds);
      empty(temporary);
      return { ...trial, coverage: existsSync(note) ? null : readCoverage(counts, place) };
    },
    [Symbol.dispose]: () => {
      for (const path of [place, temporary]) rmSync(path, { recursive: true, force: true });
    },
  };
}

function empty(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
}

async function runTest(place: string, argv: string[], env: NodeJS.ProcessEnv, bounds: Bounds): Promise<Trial> {
  const began = performance.now();
  const options = ['--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...options, ...argv], { cwd: place, env, stdio: 'ignore', detached: true });
  let [worked, late] = [0, false];
  const code = await new Promise<number | null>((resolve) => {
    const timer = setInterval(() => {
      worked = workOf(child.pid) ?? worked;
      late ||= worked > bounds.worked || performance.now() - began > bounds.took;
      if (late) end(child.pid);
    }, 50);
    child.once('close', (given) => {
      clearInterval(timer);
      resolve(given);
    });
  });
  end(child.pid);
  return { passed: code === 0, late, took: performance.now() - began, worked };
}

/** Milliseconds on a processor, from proc_pid_stat(5): the 14th and 15th field, in hundredths of a second. */
function workOf(pid: number | undefined): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return undefined;
  }
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
