// Runs the tests: all of them, or only the parts that are named (“fast” is what needs neither root nor the lab). Two
// parts are not in “all”: “full” (packages, installation, databases, monitoring, Puppet as an oracle, topologies of load
// balancers, and the files in together/later.ts) and “matrix” (reloads at random moments, relays and crashes, which take long).
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';
import { chosenBy } from './together/later.ts';
import { type Program, programsOf } from './together/programs.ts';

const parts: Readonly<Record<string, readonly string[]>> = {
  all: ['unit', 'contract', 'protocol', 'process', 'lab'],
  fast: ['unit', 'contract'],
  full: ['protocol', 'process', 'lab', 'full'],
};
const matrices: ReadonlySet<string> = new Set(['full', 'matrix']);
/** Milliseconds. */
const minute = 60_000;
/** The names in the runner's own closing lines. */
const totals = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0, duration_ms: 0 };
/** A step after a suite that fails counts as no test. */
let hasFailed = false;

const endIfStillOpen = pathToFileURL(join(import.meta.dirname, 'together/still-open.ts')).href;
const asked = process.argv.length > 2 ? process.argv.slice(2) : ['all'];
const folders = asked.flatMap((part) => parts[part] ?? [part]);
// The tests start the program that npm test just built: see test/support/program/program.ts.
const built = join(import.meta.dirname, '../build/out/mco-deploy');
if (asked[0] !== 'fast') process.env.MCO_TEST_PROGRAM = built;
const events = Readable.from(runFolders(folders));
events.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
events.pipe(new spec()).pipe(process.stdout);
events.on('end', () => {
  // A skipped test shows nothing.
  const good = totals.fail + totals.cancelled + totals.skipped + totals.todo === 0 && totals.pass > 0 && !hasFailed;
  process.exitCode = good ? 0 : 1;
});

/**
 * Three processes at a time: most of them wait a good part of their time. Then the lab, two labs at a time: a lab waits as long
 * as it computes. A file of the full matrices has the machine's cores for itself.
 */
async function* runFolders(folders: readonly string[]): AsyncGenerator<unknown> {
  const quick = folders.filter((folder) => folder !== 'lab' && !matrices.has(folder));
  const slow = folders.filter((folder) => matrices.has(folder));
  const isChosen = chosenBy(asked);
  const programs = (folder: string) => programsOf(folder, isChosen);
  yield* runAll(
    quick.flatMap(programs).sort((a, b) => b.args.length - a.args.length),
    3,
    20 * minute,
  );
  if (folders.includes('lab')) yield* runAll(programs('lab'), 2, 60 * minute);
  yield* runAll(slow.flatMap(programs), 1, 60 * minute);
  totals.duration_ms = Math.round(performance.now());
  yield* Object.entries(totals).map(([name, count]) => ({
    type: 'test:diagnostic',
    data: { nesting: 0, level: 'info', message: `${name} ${count}` },
  }));
}

/** The events of each program together, as soon as it has ended. */
async function* runAll(programs: readonly Program[], most: number, timeout: number): AsyncGenerator<unknown> {
  const waiting = [...programs];
  const running = new Map<Program, Promise<{ program: Program; events: readonly RunnerEvent[] }>>();
  while (waiting.length + running.size > 0) {
    for (const program of waiting.splice(0, most - running.size)) running.set(program, runProgram(program, timeout));
    const { program, events } = await Promise.race(running.values());
    running.delete(program);
    yield* events;
  }
}

/** The runner's events, without the totals that close each run: those are added up. */
async function runProgram(program: Program, timeout: number) {
  const { file, args } = program;
  const events: RunnerEvent[] = [];
  const stream = run({ files: [file], argv: [...args], timeout, execArgv: ['--import', endIfStillOpen] });
  for await (const event of stream as AsyncIterable<RunnerEvent>) {
    if (event.type === 'test:diagnostic' && event.data.nesting === 0 && event.data.file === undefined) continue;
    if (event.type === 'test:summary' && event.data.file === undefined) addTotals(event.data);
    const { signal } = event.data.details?.error ?? {};
    if (event.type === 'test:fail' && signal) {
      // The runner writes “test failed” alone.
      const what = args[0] === undefined ? file : `the group of ${args[0]}`;
      events.push({ type: 'test:stderr', data: { file, message: `${what} was ended by ${signal}\n` } });
    }
    events.push(event);
  }
  return { program, events };
}

interface RunnerEvent {
  readonly type: string;
  readonly data: {
    readonly nesting?: number;
    readonly file?: string;
    readonly message?: string;
    readonly counts?: Record<string, number>;
    readonly success?: boolean;
    readonly details?: { readonly error?: { readonly signal?: string | null } };
  };
}

function addTotals({ counts = {}, success = false }: RunnerEvent['data']): void {
  hasFailed ||= !success;
  totals.pass += counts.passed ?? 0;
  totals.fail += counts.failed ?? 0;
  for (const name of ['tests', 'suites', 'cancelled', 'skipped', 'todo'] as const) totals[name] += counts[name] ?? 0;
}
