import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ran, readCoverage, touches } from '../../mutate/coverage.ts';
import { openOutcomes } from '../../mutate/known.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

const source =
  "export const a = 1;\nexport function f(x) { return x > 1 ? 'big' : 'small'; }\nexport function g() { return 3; }\n";

function coverageOf(main: string) {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'src'));
  writeFileSync(join(root, 'src/f.mjs'), source);
  writeFileSync(join(root, 'src/g.mjs'), 'export const b = 2;\n');
  writeFileSync(join(root, 'main.mjs'), main);
  const env = { NODE_V8_COVERAGE: join(root, 'counts') };
  assert.equal(spawnSync(process.execPath, ['main.mjs'], { cwd: root, env }).status, 0);
  return readCoverage(join(root, 'counts'), root);
}

describe('the coverage of a test', () => {
  test('is known for each position of a file', () => {
    const coverage = coverageOf("import { f } from './src/f.mjs';\nf(5);\n");
    const places = ['1;', 'x > 1', "'big'", "'small'", '3;'];
    assert.deepEqual(
      places.map((place) => ran(coverage, 'src/f.mjs', source.indexOf(place))),
      [true, true, true, false, false],
    );
    assert.equal(touches(coverage, 'src/f.mjs'), true);
  });

  test('is empty for a file with functions that were only loaded, or that was not loaded', () => {
    const coverage = coverageOf("import './src/f.mjs';\nimport './src/g.mjs';\n");
    const files = ['src/f.mjs', 'src/g.mjs', 'src/h.mjs'];
    assert.deepEqual(
      files.map((file) => touches(coverage, file)),
      [false, true, false],
    );
    assert.equal(ran(coverage, 'src/h.mjs', 0), false);
  });

  test('matches anything if it is unknown', () => {
    assert.equal(touches(null, 'src/f.mjs'), true);
    assert.equal(ran(null, 'src/f.mjs', 0), true);
  });
});

describe('the result of a mutant', () => {
  const setUp = () => {
    const root = temporaryDirectory();
    for (const name of ['a.ts', 'b.ts']) writeFileSync(join(root, name), name);
    return { root, outcomes: openOutcomes(root, join(root, 'kept')) };
  };

  test('is valid until the test that detected it changes', () => {
    const { root, outcomes } = setUp();
    outcomes.keep('mutant', ['a.ts', 'b.ts'], 'b.ts');
    writeFileSync(join(root, 'a.ts'), 'changed');
    assert.equal(outcomes.find('mutant', ['a.ts', 'b.ts']), 'b.ts');
    assert.equal(outcomes.find('another', ['a.ts', 'b.ts']), undefined);
    writeFileSync(join(root, 'b.ts'), 'changed');
    assert.equal(outcomes.find('mutant', ['a.ts', 'b.ts']), undefined);
  });

  test('is valid, if none detected it, until any of its tests changes or another is added', () => {
    const { root, outcomes } = setUp();
    outcomes.keep('mutant', ['a.ts'], '');
    assert.equal(outcomes.find('mutant', ['a.ts']), '');
    assert.equal(outcomes.find('mutant', ['b.ts', 'a.ts']), undefined);
    writeFileSync(join(root, 'a.ts'), 'changed');
    assert.equal(outcomes.find('mutant', ['a.ts']), undefined);
  });
});
