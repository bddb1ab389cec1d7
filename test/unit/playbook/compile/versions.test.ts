import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRange } from '../../../../src/playbook/compile/versions.ts';

describe('a range of versions', () => {
  const cases: [string, readonly string[], readonly string[]][] = [
    ['>=0.2', ['0.2.0', '0.2', '0.10.0', '1'], ['0.1.9', '0']],
    ['>0.2', ['0.2.1', '0.3', '1'], ['0.2', '0.2.0', '0.1.9']],
    ['<1.2.3', ['1.2.2', '1.1.9', '0.9'], ['1.2.3', '1.2.4', '1.3', '2']],
    ['<=1.2.3', ['1.2.3', '1.2', '1'], ['1.2.4', '1.3.0', '2']],
    ['=1.2.3', ['1.2.3', 'v1.2.3', '1.2.3-rc1'], ['1.2.4', '1.2.2', '1.2']],
    ['1.2.3', ['1.2.3'], ['1.2.4', '1.2', '2.2.3', '1.3.3']],
    ['1.2', ['1.2', '1.2.0', '1.2.9'], ['1.3.0', '1.1.9', '2.2']],
    ['1', ['1', '1.0.0', '1.9.9'], ['2.0.0', '0.9.9']],
    ['~1.2', ['1.2.0', '1.2.9'], ['1.3.0', '1.1.9', '2']],
    ['~1.2.3', ['1.2.3', '1.2.9'], ['1.2.2', '1.3']],
    ['~1', ['1.0.0', '1.9'], ['2', '0.9']],
    ['^1.2', ['1.2.0', '1.9.9'], ['2.0.0', '1.1.9', '0.2']],
    ['^0.2', ['0.2.0', '0.2.9'], ['0.3.0', '0.1.9', '1']],
    ['^0', ['0.0.0', '0.9.9'], ['1.0.0']],
    ['>=1 <2', ['1', '1.9.9'], ['0.9', '2.0.0']],
    ['  >= 1.0   < 1.5 ', ['1.0', '1.4.9'], ['1.5', '0.9']],
    ['>=0', ['0', '0.0.1', '7'], ['', 'x', 'latest']],
  ];
  for (const [range, inside, outside] of cases) {
    test(`has these, and no others: ${range}`, () => {
      const fits = parseRange(range);
      for (const version of inside) assert.equal(fits(version), true, version);
      for (const version of outside) assert.equal(fits(version), false, version);
    });
  }

  test('is refused if it is none', () => {
    for (const range of ['', 'new', '>=', '>=1.2.3.4', '=>1', '1.x', '>=1 x']) {
      assert.throws(
        () => parseRange(range),
        { code: 'bad-input', message: `“${range}” is not a range of versions` },
        range,
      );
    }
  });
});
