// Breaks the files of a folder in one place at a time, and runs the tests that concern them: a mutant that no test notices is
// printed. `npm run mutate -- src/core/policy`; docs/testing.md has the options and the results.
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startConcerned } from './concerned.ts';
import { readImporters } from './imports.ts';
import { openOutcomes } from './known.ts';
import { isSampled, type Mutant, mutantsOf } from './mutants.ts';
import { openResults, type Result, scoreOf } from './results.ts';
import { shareProcess } from './shared/shared-process.ts';
import { startTests } from './tests.ts';
import { startTrials } from './trials.ts';
import { isMutated, unrecorded } from './unrecorded.ts';
import { describeWay, type Way, wayOf } from './way.ts';
import { makeWorkplace } from './workplace.ts';

const root = join(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    parts: { type: 'string' },
    most: { type: 'string' },
    slowest: { type: 'string' },
    sample: { type: 'string' },
    recorded: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
    unrecorded: { type: 'boolean', default: false },
  },
});
const results = openResults(join(root, 'docs/testing.md'));
if (values.unrecorded) {
  for (const folder of unrecorded(root, results.folders())) process.stdout.write(`${folder}\n`);
  process.exit();
}
if (positionals.length === 0 && !values.recorded) {
  process.stderr.write('mutate: name folders or files, such as src/core/policy, or type --recorded for all results\n');
  process.exit(64);
}

// A mutant may show at any point of a matrix: see test/support/points.ts.
process.env.MCO_EVERY_POINT = '1';
using place = makeWorkplace(root);
using shared = shareProcess(place.root);
const kept = join(root, 'node_modules/.cache/mutate');
const outcomes = openOutcomes(place.root, join(kept, 'outcomes'));
const importers = readImporters(place.root);

const report = (file: string, { line, before, after }: Mutant, why: string) =>
  process.stdout.write(`${file}:${line}: survives${why}\n  - ${before}\n  + ${after}\n`);

/** How many of the mutants that are not listed as equivalent a test noticed. */
async function runFile(file: string, way: Way): Promise<Pick<Result, 'mutants' | 'killed' | 'equivalent'>> {
  const source = readFileSync(join(place.root, file), 'utf8');
  const all = mutantsOf(source).filter((mutant) => isSampled(file, mutant, way.sample));
  const tests = startTests(place, startConcerned(importers, way.parts.split(',')), way, join(kept, 'tests'));
  const trials = startTrials(place, shared, file, [...importers(file).keys()]);
  process.stdout.write(`${file}: ${all.length} mutants\n`);
  const open = all.filter((mutant) => !results.isEquivalent(file, mutant));
  let [killed, last] = [0, ''];
  for (const mutant of open) {
    // The file may have to be measured. The test that noticed the mutant before it most often notices this one, too.
    place.write(file, source);
    const reaching = await tests.reach(file, mutant);
    reaching.sort((a, b) => Number(b.test === last) - Number(a.test === last));
    const names = reaching.map(({ test }) => test);
    const count = (killer: string) => {
      if (killer === '') report(file, mutant, `: ${names.join(' ') || 'no test runs it'}`);
      else killed++;
    };
    const settle = (killer: string) => {
      outcomes.keep(file + mutant.source, names, killer);
      count(killer);
    };
    const before = values.fresh ? undefined : outcomes.find(file + mutant.source, names);
    if (before !== undefined) count(before);
    last = (before ?? (await trials.run(mutant, reaching, settle))) || last;
  }
  await trials.end();
  place.write(file, source);
  return { mutants: all.length, killed, equivalent: all.length - open.length };
}

async function runFolder(folder: string): Promise<void> {
  const isFolder = !folder.includes('*') && statSync(join(place.root, folder)).isDirectory();
  const pattern = isFolder ? `${folder}/**/*.ts` : folder;
  const files = globSync(pattern, { cwd: place.root }).filter(isMutated);
  const before = results.recorded(folder);
  const way = wayOf(values, before);
  let [mutants, killed, equivalent] = [0, 0, 0];
  for (const file of files.sort()) {
    const one = await runFile(file, way);
    [mutants, killed, equivalent] = [mutants + one.mutants, killed + one.killed, equivalent + one.equivalent];
  }
  const result = { folder, every: way.sample, options: describeWay(way), mutants, killed, equivalent };
  const score = scoreOf(result);
  process.stdout.write(`${folder}: ${killed} of ${mutants} killed, ${equivalent} equivalent: ${score} %\n`);
  const comparable = before?.every === result.every && before.options === result.options;
  if (comparable && score < before.score) {
    process.stdout.write(`the score was ${before.score} %: it may not fall\n`);
    process.exitCode = 1;
  } else if (values.record) results.record(result);
}

for (const folder of values.recorded ? results.folders() : positionals) await runFolder(folder.replace(/\/$/, ''));
