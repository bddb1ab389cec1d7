import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Mutant } from '../../mutate/mutants.ts';
import type { Outcome, SharedProcess } from '../../mutate/shared/shared-process.ts';
import type { Measured } from '../../mutate/tests.ts';
import { startTrials } from '../../mutate/trials.ts';
import type { Workplace } from '../../mutate/workplace.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

const file = 'src/one.ts';
const whole = 'whole';

/**
 * A project whose tests fail on the mutants that are said, as `TEST MUTANT`; `spoils` are mutants after which every test of the shared
 * process fails, until it ends.
 */
function project(
  noticed: readonly string[],
  { spoils = [] as readonly string[], hangs = [] as readonly string[] } = {},
) {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'src'));
  writeFileSync(join(root, file), whole);
  const now = () => readFileSync(join(root, file), 'utf8');
  const shared: string[] = [];
  const alone: string[] = [];
  let [life, isSpoiled] = [0, false];
  const end = () => {
    [life, isSpoiled] = [life + 1, false];
  };
  const process: SharedProcess = {
    run: async (name): Promise<Outcome> => {
      shared.push(`${name} ${now()}`);
      if (hangs.includes(now())) {
        end();
        return 'late';
      }
      isSpoiled ||= spoils.includes(now());
      return isSpoiled || noticed.includes(`${name} ${now()}`) ? 'failed' : 'passed';
    },
    end,
    life: () => life,
    isOld: () => false,
    [Symbol.dispose]: end,
  };
  const place = {
    root,
    write: (_: string, text: string) => writeFileSync(join(root, file), text),
    run: async (name: string) => {
      alone.push(`${name} ${now()}`);
      return { passed: !noticed.includes(`${name} ${now()}`), late: false, took: 1, worked: 1 };
    },
  } as unknown as Workplace;
  const trials = startTrials(place, process, file, [file]);
  const settled: string[] = [];
  const run = (name: string, ...tests: string[]) => {
    const bounds = { took: 1, worked: 1 };
    const measured = tests.map((one): Measured => ({ test: one, passed: true, coverage: {}, texts: {}, bounds }));
    return trials.run({ source: name } as Mutant, measured, (killer) => settled.push(`${name}: ${killer}`));
  };
  return { run, end: trials.end, settled, shared, alone };
}

describe('the tests that a mutant meets', () => {
  test('are run until one notices it, and a failure is believed once that test passes in the same process', async () => {
    const { run, end, settled, shared, alone } = project(['y m1', 'x m3']);
    assert.equal(await run('m1', 'x', 'y'), 'y');
    assert.deepEqual(settled, [], 'an earlier mutant may have broken the process');
    assert.equal(await run('m2', 'y'), '');
    assert.deepEqual(settled, ['m1: y', 'm2: ']);
    assert.equal(await run('m3', 'x'), 'x');
    await end();
    assert.deepEqual(settled.slice(2), ['m3: x']);
    const twice = ['x whole', 'x whole'];
    assert.deepEqual(shared, [...twice, 'x m1', 'y whole', 'y whole', 'y m1', 'y m2', 'x m3', 'x whole']);
    assert.deepEqual(alone, []);
  });

  test('are run again, each in its own process, for mutants that met a broken one', async () => {
    const { run, end, settled, alone } = project(['x m3'], { spoils: ['m1'] });
    for (const name of ['m1', 'm2', 'm3']) assert.equal(await run(name, 'x'), 'x');
    await end();
    assert.deepEqual(settled, ['m1: ', 'm2: ', 'm3: x'], 'm1 breaks the process, and no test notices it');
    assert.deepEqual(alone, ['x m1']);
  });

  test('are settled eight at a time', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `m${index}`);
    const { run, settled } = project(names.map((name) => `x ${name}`));
    for (const name of names) await run(name, 'x');
    assert.deepEqual(
      settled,
      names.slice(0, 8).map((name) => `${name}: x`),
    );
  });

  test('notice a mutant that makes them take too long twice', async () => {
    const { run, end, settled, shared, alone } = project(['x m1'], { hangs: ['m2'] });
    for (const name of ['m1', 'm2']) assert.equal(await run(name, 'x'), 'x');
    assert.deepEqual(settled, ['m2: x']);
    await end();
    assert.deepEqual(settled, ['m2: x', 'm1: x']);
    assert.deepEqual(shared.slice(2), ['x m1', 'x m2', 'x whole', 'x m2', 'x m1', 'x whole']);
    assert.deepEqual(alone, []);
  });
});
