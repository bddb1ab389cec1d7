import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { anyNodeSubtype, comparable, subtypeLabel } from '../../../../../src/discovery/mdns/wire/subtype.ts';

const fact = (value: string, key = 'cluster') => subtypeLabel({ kind: 'fact', key, value });

describe('a subtype', () => {
  test('has one short length for any length of the value', () => {
    for (const value of ['', 'x', 'ü'.repeat(5000)]) assert.match(fact(value), /^[0-9a-f]{16}$/);
  });

  test('ignores case, in key or value', () => {
    assert.equal(fact('Bravo'), fact('bravo'));
    assert.equal(fact('x', 'Cluster'), fact('x', 'cluster'));
  });

  test('is the same for all spellings of a number or a boolean that a filter treats as equal', () => {
    for (const same of [
      ['1', '1.0', '+1', '1e0', 'true', 'T', 'TRUE'],
      ['0', 'false', 'f', '0.0'],
      ['80', '80.00', '8e1'],
    ]) {
      assert.equal(new Set(same.map((value) => fact(value))).size, 1, same.join());
    }
  });

  test('differs by value, key and kind', () => {
    const labels = [
      fact('bravo'),
      fact('alfa'),
      fact('bravo', 'role'),
      subtypeLabel({ kind: 'class', key: '', value: 'bravo' }),
      subtypeLabel({ kind: 'agent', key: '', value: 'bravo' }),
      anyNodeSubtype,
    ];
    assert.equal(new Set(labels).size, labels.length);
  });

  test('distinguishes versions from numbers only as far as numbers compare', () => {
    assert.notEqual(comparable('1.10.0'), comparable('1.1.0'));
    assert.equal(comparable('Infinity'), 'infinity');
  });
});
