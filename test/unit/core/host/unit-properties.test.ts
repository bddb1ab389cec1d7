import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readUnitProperties, wasKeptByCondition } from '../../../../src/core/host/unit-properties.ts';

describe('properties of a unit', () => {
  test('are read whole, whatever their values contain', () => {
    const value = readUnitProperties('ActiveState=active\nExecStart={ argv[]=a=b }\nResult=\n');
    assert.equal(value('ActiveState'), 'active');
    assert.equal(value('ExecStart'), '{ argv[]=a=b }');
    assert.equal(value('Result'), '');
  });

  test('are empty if they were not printed', () => {
    assert.equal(readUnitProperties('')('ActiveState'), '');
    assert.equal(readUnitProperties('ActiveStateX=active')('ActiveState'), '');
  });

  const cases: readonly [what: string, shown: string, kept: boolean][] = [
    ['a condition that did not hold kept it', 'ConditionResult=no\nConditionTimestampMonotonic=12', true],
    ['nothing did before its first start', 'ConditionResult=no\nConditionTimestampMonotonic=0', false],
    ['nothing did where its conditions held', 'ConditionResult=yes\nConditionTimestampMonotonic=12', false],
    ['nothing is known to have where systemd shows neither', '', false],
  ];
  for (const [what, shown, kept] of cases) {
    test(`say what kept a unit from its start: ${what}`, () => {
      assert.equal(wasKeptByCondition(readUnitProperties(shown)), kept);
    });
  }
});
