import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isScript, parseAssignments } from '../../../../src/client/scripts/names.ts';
import { thrownBy } from '../../../support/thrown.ts';

test('a script is recognised by its ending', () => {
  assert.deepEqual(['a.mc', './a/b.mc', 'a.yaml', 'a', 'mc'].map(isScript), [true, true, false, false, false]);
});

describe('inputs of a script', () => {
  test('are name=value, with optional blanks around the sign', () => {
    assert.deepEqual(parseAssignments(['a=1', 'b_2 = x y', 'c=d=e']), { a: '1', b_2: 'x y', c: 'd=e' });
  });

  const refused: readonly (readonly [string[], RegExp])[] = [
    [['backend'], /“backend” is not an input/],
    [['=x'], /“=x” is not an input/],
    [['Cluster=x'], /“Cluster” can’t be the name of an input/],
    [['cluster='], /the input “cluster” is empty/],
    [['cluster= '], /the input “cluster” is empty/],
    [['a=1', 'a=2'], /the input “a” is given twice/],
  ];
  for (const [words, message] of refused) {
    test(`refuses ${words.join(' ')}, naming it`, () => {
      const problem = thrownBy(() => parseAssignments(words));
      assert.equal(problem.code, 'usage');
      assert.match(problem.message, message);
    });
  }
});
