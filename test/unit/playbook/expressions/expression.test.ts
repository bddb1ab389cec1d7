import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromCel, toCel } from '../../../../src/playbook/expressions/cel-values.ts';
import { compileExpression, decide } from '../../../../src/playbook/expressions/expression.ts';
import { names, record } from '../../../../src/playbook/expressions/shapes.ts';
import { locationOf } from '../../../../src/playbook/source/locations.ts';
import { createFabric } from '../../../support/fleet/fabric.ts';
import { runText } from '../../../support/fleet/playbook.ts';

const roots = record({ inputs: {}, nodes: {}, steps: {}, values: {}, run: names(['id']) });
const nowhere = locationOf({ text: '', locate: () => 'test.yaml:1:1' }, []);

function evaluate(source: string, values: Record<string, unknown> = {}): unknown {
  const context = Object.fromEntries(
    ['inputs', 'nodes', 'steps', 'values', 'run'].map((name) => [name, toCel(name === 'inputs' ? values : {})]),
  );
  return compileExpression(source, roots, nowhere).evaluate(context);
}

describe('expressions', () => {
  const table: [string, Record<string, unknown>, unknown][] = [
    ['inputs.n + 1', { n: 2 }, 3],
    ['inputs.f * 2.0', { f: 1.25 }, 2.5],
    ['size(inputs.list)', { list: ['a', 'b'] }, 2],
    ['inputs.list.join(",")', { list: ['a', 'b'] }, 'a,b'],
    ['inputs.list.unique().sort()', { list: ['b', 'a', 'b'] }, ['a', 'b']],
    ['inputs.list.sort()', { list: [10, 9, 'x'] }, [9, 10, 'x']],
    ['inputs.lists.flatten()', { lists: [['a'], [], ['b', 'c']] }, ['a', 'b', 'c']],
    ['inputs.list.filter(x, x != "a").map(x, x + "!")', { list: ['a', 'b'] }, ['b!']],
    ['inputs.list.all(x, x.startsWith("a"))', { list: ['a', 'ab'] }, true],
    ['inputs.list.exists(x, x == "z")', { list: ['a'] }, false],
    ['"b" in inputs.list', { list: ['a', 'b'] }, true],
    ['has(inputs.missing)', {}, false],
    ['inputs.none == null', { none: null }, true],
    ['inputs.none != null ? inputs.none : "else"', { none: undefined }, 'else'],
    ['{"a": inputs.n, "b": [1, "x"]}', { n: 1 }, { a: 1, b: [1, 'x'] }],
    ['inputs.version == "1.10"', { version: '1.1' }, false],
    ['inputs.text.matches("^[a-z]+$")', { text: 'abc' }, true],
    ['inputs.list.exists(x, x.matches("(a+)+$"))', { list: [`${'a'.repeat(3000)}!`] }, false],
  ];
  for (const [source, values, expected] of table) {
    test(source, () => assert.deepEqual(evaluate(source, values), expected));
  }

  for (const source of [
    'inputs.constructor',
    'inputs.__proto__',
    'inputs.toString',
    'inputs["constructor"]',
    'inputs.list.constructor',
    'inputs.list.length',
    'inputs.list[5]',
    'inputs.missing',
    'inputs.n + "a"',
    'inputs.n / 0',
    'inputs.n * 9007199254740993',
    'inputs.list.exists(x, x.matches("(")) ',
    'b"bytes"',
    'type(1)',
  ]) {
    test(`${source} gives only an error`, () => {
      assert.throws(() => evaluate(source, { n: 1, list: ['a'] }), {
        code: 'bad-expression',
        message: /^test\.yaml:1:1: /,
      });
    });
  }
});

test('a regex is only ever matched in linear time', () => {
  for (const source of ['matches("aaa", "(a+)+$")', 'inputs.list.map(x, matches(x, "(a+)+$"))']) {
    assert.throws(
      () => evaluate(source, { list: ['a'] }),
      { code: 'bad-playbook', message: /no matching overload/ },
      source,
    );
  }
});

test('a condition is true or false, or an error', () => {
  const context = { inputs: toCel({ yes: true, text: 'true' }) } as unknown as Parameters<typeof decide>[1];
  const of = (source: string) => decide(compileExpression(source, roots, nowhere), context);
  assert.deepEqual([of('inputs.yes'), of('!inputs.yes')], [true, false]);
  for (const source of ['inputs.text', '1', '[inputs.yes]']) {
    assert.throws(() => of(source), { code: 'bad-expression', message: `“${source}” must give true or false` });
  }
});

describe('values', () => {
  test('pass into CEL and out of it unchanged', () => {
    const value = { a: [1, -2, 1.5, 'x', true, null, { b: [] }], c: 0, 'odd key': Number.MAX_SAFE_INTEGER };
    assert.deepEqual(fromCel(toCel(value)), value);
  });

  test('are refused both ways if they are too long or too deep', () => {
    const long = Array.from({ length: 10_001 }, () => 0);
    let deep: unknown = 0;
    for (let level = 0; level < 50; level++) deep = [deep];
    for (const value of [long, deep]) {
      assert.throws(() => toCel(value), { code: 'bad-value' });
      assert.throws(() => fromCel(value), { code: 'bad-value' });
    }
  });

  test('are refused on the way out if JSON cannot express them', () => {
    for (const value of [2n ** 60n, Number.NaN, () => 0, Symbol('x'), new Map([['__proto__', 1]]), new Uint8Array(1)]) {
      assert.throws(() => fromCel(value), { code: 'bad-value' });
    }
  });
});

describe('an expression that loops without limit', () => {
  const range = `[${Array.from({ length: 90 }, (_, index) => index).join(',')}]`;
  test('is ended early, with lists of any origin', async () => {
    const text = `name: x\nsteps:\n  - set: {l: "\${{ ${range}.map(a, ${range}).flatten() }}"}\n  - say: "\${{ values.l.all(a, values.l.all(b, values.l.all(c, c == c))) }}"\n`;
    const report = await runText(text, createFabric([]));
    assert.equal(report.failure?.reasons[0]?.code, 'bad-expression');
    assert.match(report.failure?.reasons[0]?.reason ?? '', /^test\.yaml:4:\d+: it loops over more than 1000000 items/);
  });

  test('does not affect one that reads a thousand nodes twice', async () => {
    const text =
      "name: x\ninputs: {l: {type: list}}\nsteps:\n  - require: \"inputs.l.all(a, inputs.l.exists(b, a == b)) && {'k': 1}.all(k, k == 'k')\"\n";
    const l = Array.from({ length: 900 }, (_, index) => `n${index}`);
    assert.equal((await runText(text, createFabric([]), { l })).state, 'done');
  });
});
