// Runs the tests: all of them, or only the parts that are named (“fast” is what needs neither root nor the lab). Two
// parts are not in “all”: “full” (packages, installation, databases, monitoring, Puppet as an oracle, topologies of load
// balancers) and “matrix” (reloads at random moments, relays and crashes, which take long).
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const parts: Readonly<Record<string, readonly string[]>> = {
  all: ['unit', 'contract', 'protocol', 'process', 'lab'],
  fast: ['unit', 'contract'],
};
/** Milliseconds. */
const minute = 60_000;
/** The names in the runner's own closing lines. */
const totals = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0, duration_ms: 0 };

const asked = process.argv.slice(2);
const folders = (asked.length === 0 ? ['all'] : asked).flatMap((part) => parts[part] ?? [part]);
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
  const good = totals.fail + totals.cancelled + totals.skipped + totals.todo === 0 && totals.pass > 0;
  process.exitCode = good ? 0 : 1;
});

/**
 * Three files at a time: most of them wait a good part of their time. The lab comes last, two labs at a time: a lab waits
 * as long as it computes. A file of the full matrices has the machine's cores for itself.
 */
async function* runFolders(folders: readonly string[]): AsyncGenerator<unknown> {
  const alone = new Set(['full', 'matrix']);
  const quick = folders.filter((folder) => folder !== 'lab' && !alone.has(folder)).flatMap(testsOf);
  const slow = folders.filter((folder) => alone.has(folder)).flatMap(testsOf);
  yield* runFiles(quick, 3, 5 * minute);
  if (folders.includes('lab')) yield* runFiles(testsOf('lab'), 2, 20 * minute);
  yield* runFiles(slow, 1, 20 * minute);
  yield* Object.entries(totals).map(([name, count]) => ({
    type: 'test:diagnostic',
    data: { nesting: 0, level: 'info', message: `${name} ${count}` },
  }));
}

function testsOf(folder: string): string[] {
  const found = globSync(`${folder}/**/*.test.ts`, { cwd: import.meta.dirname });
  if (found.length === 0) throw new Error(`test/${folder} holds no test: nothing was shown to work`);
  return found.sort().map((file) => join(import.meta.dirname, file));
}

/** The runner's events, without the totals that close each run: those are added up. */
async function* runFiles(files: string[], concurrency: number, timeout: number): AsyncGenerator<unknown> {
  if (files.length === 0) return;
  for await (const event of run({ files, concurrency, timeout }) as AsyncIterable<RunnerEvent>) {
    if (event.type === 'test:diagnostic' && event.data.nesting === 0 && event.data.file === undefined) continue;
    if (event.type === 'test:summary' && event.data.file === undefined) addTotals(event.data);
    yield event;
  }
}

interface RunnerEvent {
  readonly type: string;
  readonly data: { nesting?: number; file?: string; counts?: Record<string, number>; duration_ms?: number };
}

function addTotals({ counts = {}, duration_ms = 0 }: RunnerEvent['data']): void {
  totals.duration_ms += Math.round(duration_ms);
  totals.pass += counts.passed ?? 0;
  totals.fail += counts.failed ?? 0;
  for (const name of ['tests', 'suites', 'cancelled', 'skipped', 'todo'] as const) totals[name] += counts[name] ?? 0;
}
