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
import { makeWorkplace } from './workplace.ts';

const root = join(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    parts: { type: 'string', default: 'unit,contract,protocol' },
    most: { type: 'string', default: '5' },
    slowest: { type: 'string', default: '8' },
    sample: { type: 'string', default: '1' },
    fresh: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  },
});
if (positionals.length === 0) {
  process.stderr.write('mutate: name folders or files, such as src/core/policy\n');
  process.exit(64);
}

using place = makeWorkplace(root);
using shared = shareProcess(place.root);
const results = openResults(join(root, 'docs/testing.md'));
const kept = join(root, 'node_modules/.cache/mutate');
const outcomes = openOutcomes(place.root, join(kept, 'outcomes'));
const every = Number(values.sample);
const limits = { most: Number(values.most), slowest: 1000 * Number(values.slowest) };
const importers = readImporters(place.root);
const tests = startTests(place, startConcerned(importers, values.parts.split(',')), limits, join(kept, 'tests'));

const report = (file: string, { line, before, after }: Mutant, why: string) =>
  process.stdout.write(`${file}:${line}: survives${why}\n  - ${before}\n  + ${after}\n`);

/** The mutants that are not listed as equivalent, each with whether a test noticed it. */
async function runFile(file: string): Promise<Pick<Result, 'mutants' | 'killed' | 'equivalent'>> {
  const source = readFileSync(join(place.root, file), 'utf8');
  const all = mutantsOf(source).filter((mutant) => isSampled(file, mutant, every));
  const chosen = all.length === 0 ? [] : await tests.choose(file);
  const trials = startTrials(place, shared, file, [...importers(file).keys()]);
  const named = chosen.map(({ test }) => test).join(' ') || 'none';
  process.stdout.write(`${file}: ${all.length} mutants, tests: ${named}\n`);
  const open = all.filter((mutant) => !results.isEquivalent(file, mutant));
  let [killed, last] = [0, ''];
  for (const mutant of open) {
    // The test that noticed the mutant before it most often notices this one, too.
    const reaching = tests
      .reach(chosen, file, mutant)
      .sort((a, b) => Number(b.test === last) - Number(a.test === last));
    const names = reaching.map(({ test }) => test);
    let killer = values.fresh ? undefined : outcomes.find(file + mutant.source, names);
    if (killer === undefined) {
      killer = await trials.killer(mutant, reaching);
      outcomes.keep(file + mutant.source, names, killer);
    }
    if (killer === '') report(file, mutant, reaching.length === 0 ? ': no test runs it' : '');
    else [killed, last] = [killed + 1, killer];
  }
  place.write(file, source);
  return { mutants: all.length, killed, equivalent: all.length - open.length };
}

async function runFolder(folder: string): Promise<void> {
  const files = statSync(join(place.root, folder)).isDirectory()
    ? globSync(`${folder}/**/*.ts`, { cwd: place.root }).filter(
        (file) => !/\/(ddl(-parts)?|config|schema)\.ts$/.test(file),
      )
    : [folder];
  let [mutants, killed, equivalent] = [0, 0, 0];
  for (const file of files.sort()) {
    const one = await runFile(file);
    [mutants, killed, equivalent] = [mutants + one.mutants, killed + one.killed, equivalent + one.equivalent];
  }
  const result = { folder, every, mutants, killed, equivalent };
  const [score, before] = [scoreOf(result), results.recorded(folder, every)];
  process.stdout.write(`${folder}: ${killed} of ${mutants} killed, ${equivalent} equivalent: ${score} %\n`);
  if (before !== undefined && score < before) {
    process.stdout.write(`the score was ${before} %: it may not fall\n`);
    process.exitCode = 1;
  } else if (values.record) results.record(result);
}

for (const folder of positionals) await runFolder(folder.replace(/\/$/, ''));
