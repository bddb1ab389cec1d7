// Breaks the files of a folder in one place at a time, and runs the tests that concern them: a mutant that no test notices is
// printed. `npm run mutate -- src/core/policy`; docs/testing.md has the options and the results.
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startConcerned } from './concerned.ts';
import { type Mutant, mutantsOf } from './mutants.ts';
import { openResults, scoreOf } from './results.ts';
import { makeWorkplace, type Workplace } from './workplace.ts';

const root = join(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    parts: { type: 'string', default: 'unit,contract,protocol' },
    most: { type: 'string', default: '5' },
    slowest: { type: 'string', default: '8' },
    record: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  process.stderr.write('mutate: name a folder or a file, such as src/core/policy\n');
  process.exit(64);
}

const results = openResults(join(root, 'docs/testing.md'));
const concerned = startConcerned(root, values.parts.split(','));
const files = statSync(join(root, folder)).isDirectory()
  ? globSync(`${folder}/**/*.ts`, { cwd: root }).filter((file) => !/\/(ddl(-parts)?|config|schema)\.ts$/.test(file))
  : [folder];

interface TimedTest {
  readonly test: string;
  /** Milliseconds that it takes when nothing is broken. */
  readonly took: number;
}

/** The nearest tests first; those that are slow, or fail without a mutant, are left out. */
const timed = new Map<string, TimedTest | undefined>();
async function testsFor(file: string, place: Workplace): Promise<TimedTest[]> {
  const chosen: TimedTest[] = [];
  for (const test of concerned(file)) {
    if (chosen.length >= Number(values.most)) break;
    if (!timed.has(test)) {
      const { passed, took } = await place.run(test, 1000 * Number(values.slowest));
      timed.set(test, passed ? { test, took } : undefined);
    }
    const known = timed.get(test);
    if (known !== undefined) chosen.push(known);
  }
  return chosen;
}

async function isKilled(tests: readonly TimedTest[], place: Workplace): Promise<boolean> {
  for (const { test, took } of tests) if (!(await place.run(test, 5 * took + 5000)).passed) return true;
  return false;
}

let [mutants, killed, equivalent] = [0, 0, 0];
const tell = (file: string, { line, before, after }: Mutant) =>
  process.stdout.write(`${file}:${line}: survives\n  - ${before}\n  + ${after}\n`);
using place = makeWorkplace(root);
for (const file of files.sort()) {
  const source = readFileSync(join(root, file), 'utf8');
  const tests = await testsFor(file, place);
  const all = mutantsOf(source);
  process.stdout.write(`${file}: ${all.length} mutants, tests: ${tests.map(({ test }) => test).join(' ') || 'none'}\n`);
  for (const mutant of all) {
    mutants++;
    if (results.isEquivalent(file, mutant)) {
      equivalent++;
      continue;
    }
    place.write(file, mutant.source);
    if (await isKilled(tests, place)) killed++;
    else tell(file, mutant);
  }
  place.write(file, source);
}
const result = { folder, mutants, killed, equivalent };
const [score, before] = [scoreOf(result), results.recorded(folder)];
process.stdout.write(`${folder}: ${killed} of ${mutants} killed, ${equivalent} equivalent: ${score} %\n`);
if (before !== undefined && score < before) {
  process.stdout.write(`the score was ${before} %: it may not fall\n`);
  process.exitCode = 1;
} else if (values.record) results.record(result);
