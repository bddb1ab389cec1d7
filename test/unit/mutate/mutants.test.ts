import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { startConcerned } from '../../mutate/concerned.ts';
import { readImporters } from '../../mutate/imports.ts';
import { isSampled, mutantsOf } from '../../mutate/mutants.ts';
import { openResults, scoreOf } from '../../mutate/results.ts';
import { unrecorded } from '../../mutate/unrecorded.ts';
import { describeWay, wayOf } from '../../mutate/way.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

const afterOf = (source: string) => mutantsOf(source).map(({ after }) => after);

describe('the mutants of a file', () => {
  test('remove each clause, move each boundary and invert each condition', () => {
    assert.deepEqual(
      afterOf('f(a && b < 2 || !c);').sort(),
      [
        ';',
        'f(a && b < 2 || c);',
        'f(a && b < 2);',
        'f(a && b < 3 || !c);',
        'f(a && b <= 2 || !c);',
        'f(a || !c);',
        'f(b < 2 || !c);',
        'f(!c);',
      ].sort(),
    );
  });

  test('remove calls, awaits, values and the bodies of a catch', () => {
    const source = 'async function f() { await sync(); try { g(); } catch (e) { h(e); } return list.filter(x); }';
    const after = afterOf(source);
    for (const part of [
      '{ ; try',
      'void sync();',
      'catch (e) {}',
      'return list;',
      'return (undefined as never);',
      'f() {}',
    ]) {
      assert.ok(
        after.some((text) => text.includes(part)),
        `${part} in ${after.join('\n')}`,
      );
    }
  });

  test('name the line, and change only that position', () => {
    const [mutant] = mutantsOf('const a = 1;\nif (a > 5) b();\n').filter(({ line }) => line === 2);
    assert.deepEqual(
      [mutant?.before, mutant?.after, mutant?.source],
      ['if (a > 5) b();', 'if (true) b();', 'const a = 1;\nif (true) b();\n'],
    );
  });

  test('leave types, imports and texts unchanged', () => {
    assert.deepEqual(
      afterOf("import { a } from './a.ts';\ntype T = 1 | 2;\nconst b: T = a as 2;\nlet c: 'x' = 'x';\n"),
      [],
    );
  });
});

test('a sample of the mutants is about as large as requested, and does not depend on other lines', () => {
  const lines = Array.from({ length: 40 }, (_, n) => `export const f${n} = (a, b) => (a && b < 2 ? a : b);\n`);
  const sampled = (text: string) =>
    mutantsOf(text)
      .filter((mutant) => isSampled('a.ts', mutant, 4))
      .map(({ after }) => after);
  const source = lines.join('');
  const [all, some] = [mutantsOf(source).length, sampled(source)];
  assert.ok(some.length > all / 8 && some.length < all / 2, `${some.length} of ${all}`);
  assert.deepEqual(sampled(`// A line before.\n${source}`), some);
});

describe('the tests of a file', () => {
  test('are those that reach it, the folder that mirrors it first', () => {
    const root = join(import.meta.dirname, '../../..');
    const tests = startConcerned(readImporters(root), ['unit', 'protocol'])('src/core/policy/decide.ts');
    assert.match(tests[0] ?? '', /^test\/unit\/core\/policy\//);
    assert.ok(tests.includes('test/unit/core/policy/decide.test.ts'));
    assert.ok(tests.includes('test/protocol/daemon/pipeline.test.ts'), 'over others');
    assert.ok(!tests.includes('test/unit/ca/store/store.test.ts'), 'and no other');
  });
});

describe('a later run', () => {
  test('repeats what was recorded, except for what its command asks for', () => {
    const usual = { parts: 'unit', most: 5, slowest: 8000, sample: 1 };
    assert.deepEqual(wayOf({}, undefined), usual);
    assert.deepEqual(wayOf({}, { every: 20, options: '' }), { ...usual, sample: 20 });
    const way = wayOf({ sample: '3' }, { every: 20, options: '--parts unit,process --most 8' });
    assert.deepEqual(way, { parts: 'unit,process', most: 8, slowest: 8000, sample: 3 });
    assert.equal(describeWay(way), '--parts unit,process --most 8');
    assert.deepEqual([describeWay(usual), describeWay({ ...usual, slowest: 20_000 })], ['', '--slowest 20']);
  });
});

describe('the results', () => {
  test('are stored by folder, and mark equivalent mutants', () => {
    const page = join(temporaryDirectory(), 'testing.md');
    const text = '| Folder | Mutants | Killed | Equivalent | Score |\n|---|---|---|---|---|\n\n';
    writeFileSync(
      page,
      `${text}| File | Line | Becomes | Why |\n|---|---|---|---|\n| \`a.ts\` | \`x \\|\\| y\` | \`x\` | y is x |\n`,
    );
    const results = openResults(page);
    assert.equal(results.isEquivalent('a.ts', { before: 'x || y', after: 'x' }), true);
    assert.equal(results.isEquivalent('a.ts', { before: 'x || y', after: 'y' }), false);
    assert.equal(results.isEquivalent('b.ts', { before: 'x || y', after: 'x' }), false);
    assert.equal(results.recorded('src/b'), undefined);
    const whole = { every: 1, equivalent: 0, options: '' };
    for (const killed of [8, 9]) results.record({ ...whole, folder: 'src/b', mutants: 11, killed, equivalent: 1 });
    results.record({ ...whole, folder: 'src/a', mutants: 1, killed: 1 });
    assert.deepEqual([results.recorded('src/b')?.score, results.recorded('src/a')?.score], [90, 100]);
    results.record({ ...whole, folder: 'src/c/d.ts', mutants: 4, killed: 3 });
    results.record({ ...whole, folder: 'src/c', every: 10, options: '--parts unit,protocol', mutants: 4, killed: 3 });
    assert.deepEqual(results.recorded('src/c'), { every: 10, options: '--parts unit,protocol', score: 75 });
    assert.deepEqual(results.folders(), ['src/a', 'src/b', 'src/c'], 'that of a folder replaces those of its files');
    assert.equal(scoreOf({ mutants: 3, killed: 2, equivalent: 0 }), 66);
  });
});

test('a folder is not recorded if a file in it could be mutated, and no row covers it', () => {
  const root = temporaryDirectory();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const path of ['src/a/one.ts', 'src/a/b/two.ts', 'src/c/three.ts']) write(path, 'export const one = 1;\n');
  for (const path of ['src/d/ddl.ts', 'src/d/step-schema.ts', 'src/d/config.ts'])
    write(path, 'export const one = 1;\n');
  write('src/e/types.ts', 'export interface Only {}\n');
  assert.deepEqual(unrecorded(root, []), ['src/a', 'src/a/b', 'src/c']);
  assert.deepEqual(unrecorded(root, ['src/a', 'src/c/three.ts']), []);
  assert.deepEqual(unrecorded(root, ['src/a/*.ts', 'src/ca']), ['src/a/b', 'src/c']);
});
