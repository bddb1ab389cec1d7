import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bindInputs } from '../../../../src/playbook/inputs/inputs.ts';
import type { InputSource } from '../../../../src/playbook/source/schema.ts';

function bind(input: InputSource, given: Record<string, unknown>, defaults: Record<string, unknown> = {}): unknown {
  return bindInputs({ name: 'test', inputs: { x: input } }, given, defaults).x;
}

describe('inputs', () => {
  const good: [InputSource, unknown, unknown][] = [
    [{}, '20', '20'],
    [{}, 20, '20'],
    [{}, '', ''],
    [{}, 'two\nlines', 'two\nlines'],
    [{ type: 'integer' }, '20', 20],
    [{ type: 'integer' }, -3, -3],
    [{ type: 'integer' }, '9007199254740991', 9007199254740991],
    [{ type: 'number' }, '1.5', 1.5],
    [{ type: 'boolean' }, 'true', true],
    [{ type: 'boolean' }, false, false],
    [{ type: 'list' }, 'a,b', ['a', 'b']],
    [{ type: 'list' }, ['a', 1], ['a', '1']],
    [{ enum: ['red', 'green'] }, 'red', 'red'],
    [{ type: 'integer', enum: [1, 2] }, '2', 2],
    [{ type: 'list', enum: ['a', 'b'] }, 'b,a', ['b', 'a']],
    [{ pattern: '[a-z]+' }, 'abc', 'abc'],
    [{ type: 'integer', minimum: 1, maximum: 3 }, '3', 3],
  ];
  for (const [input, given, expected] of good) {
    test(`${JSON.stringify(given)} fits ${JSON.stringify(input)}`, () => {
      assert.deepEqual(bind(input, { x: given }), expected);
    });
  }

  const bad: [InputSource, unknown][] = [
    [{}, 'a\0b'],
    [{}, '\u001b[31mred'],
    [{}, 'x'.repeat(4097)],
    [{}, ['a']],
    [{}, {}],
    [{ type: 'integer' }, '1.5'],
    [{ type: 'integer' }, ''],
    [{ type: 'integer' }, '0x10'],
    [{ type: 'integer' }, '9007199254740993'],
    [{ type: 'integer' }, 1.5],
    [{ type: 'number' }, 'many'],
    [{ type: 'number' }, Number.POSITIVE_INFINITY],
    [{ type: 'boolean' }, 'yes'],
    [{ type: 'boolean' }, 1],
    [{ type: 'list' }, [{}]],
    [{ enum: ['red', 'green'] }, 'blue'],
    [{ type: 'list', enum: ['a'] }, 'a,b'],
    [{ pattern: '[a-z]+' }, 'abc1'],
    [{ pattern: 'a|b' }, 'ab'],
    [{ pattern: '[a-z]+' }, 'abc\n'],
    [{ type: 'integer', minimum: 1 }, '0'],
    [{ type: 'integer', maximum: 3 }, '4'],
  ];
  for (const [input, given] of bad) {
    test(`${JSON.stringify(given)?.slice(0, 40)} does not fit ${JSON.stringify(input)}`, () => {
      assert.throws(() => bind(input, { x: given }), { code: 'bad-input', message: /“x”/ });
    });
  }

  test('come from the given ones, then the configuration, then the playbook', () => {
    const input = { default: 'c' };
    assert.equal(bind(input, { x: 'a' }, { x: 'b' }), 'a');
    assert.equal(bind(input, {}, { x: 'b' }), 'b');
    assert.equal(bind(input, {}), 'c');
  });

  test('are required unless there is a default or the playbook makes them optional', () => {
    assert.throws(() => bind({ description: 'a thing' }, {}), {
      code: 'bad-input',
      message: 'the input “x” is missing',
      hint: 'give x=… (a thing)',
    });
    assert.equal(bind({ required: false }, {}), null);
    assert.throws(() => bind({ required: true, default: null }, {}), { code: 'bad-input' });
  });

  test('are refused if the playbook does not declare them, and ignored in the configuration', () => {
    assert.throws(() => bind({}, { x: 'a', xx: 'b' }), { code: 'bad-input', message: /no input “xx”/ });
    assert.throws(() => bind({}, { x: 'a', constructor: 'b' }), { code: 'bad-input' });
    assert.equal(bind({}, { x: 'a' }, { other: 'b' }), 'a');
  });

  test('are never shown if they are sensitive', () => {
    assert.throws(
      () => bind({ sensitive: true, pattern: '[0-9]+' }, { x: 'hush' }),
      (error) => error instanceof Error && !error.message.includes('hush'),
    );
  });

  test('are checked in linear time against a pattern that would backtrack', () => {
    assert.throws(() => bind({ pattern: '(a+)+' }, { x: `${'a'.repeat(4000)}!` }), { code: 'bad-input' });
  });
});

test('a list as an input has at most 1000 texts', () => {
  const list = Array.from({ length: 1000 }, (_, index) => `n${index}`);
  assert.deepEqual(bind({ type: 'list' }, { x: list }), list);
  for (const more of [[...list, 'x'], `${list.join()},x`])
    assert.throws(() => bind({ type: 'list' }, { x: more }), { code: 'bad-input', message: /can’t be/ });
});
