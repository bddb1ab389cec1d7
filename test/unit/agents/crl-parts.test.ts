import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { startListParts } from '../../../src/agents/crl/parts.ts';

const texts = ['one', 'two', 'three'];
const digest = createHash('sha256').update(texts.join('')).digest('hex');
const part = (number: number) => ({ digest, part: number, parts: 3, text: texts[number - 1] ?? '' });

describe('the parts of a revocation list', () => {
  test('make up the whole list once all are there, in any order and sent again', () => {
    const parts = startListParts(() => 0);
    for (const number of [3, 1, 1]) assert.equal(parts.take('cert=rip', part(number)), undefined);
    assert.equal(parts.take('cert=rip', part(2)), 'onetwothree');
    assert.equal(parts.take('cert=rip', part(2)), undefined, 'they are gone then');
  });

  test('do not mix with the parts of another caller', () => {
    const parts = startListParts(() => 0);
    parts.take('cert=rip', part(1));
    parts.take('cert=rip', part(2));
    assert.equal(parts.take('cert=eve', part(3)), undefined);
  });

  test('are refused if they differ from the announced ones', () => {
    const parts = startListParts(() => 0);
    parts.take('cert=rip', part(1));
    parts.take('cert=rip', { ...part(2), text: 'changed' });
    assert.throws(() => parts.take('cert=rip', part(3)), { code: 'bad-crl' });
    assert.throws(() => parts.take('cert=rip', { ...part(1), part: 4 }), { code: 'bad-crl' });
  });

  test('are bounded in size and number, and kept for two minutes', () => {
    let now = 0;
    const parts = startListParts(() => now);
    const large = { digest, parts: 32, text: 'x'.repeat(900_000) };
    assert.throws(() => {
      for (let number = 1; number <= 20; number++) parts.take('cert=rip', { ...large, part: number });
    }, /larger than/);
    parts.take('cert=rip', part(1));
    for (const other of ['a', 'b', 'c', 'd']) parts.take(other, part(1));
    parts.take('cert=rip', part(2));
    assert.equal(parts.take('cert=rip', part(3)), undefined, 'the oldest went');
    parts.take('cert=sue', part(1));
    now = 130_000;
    parts.take('cert=sue', part(2));
    assert.equal(parts.take('cert=sue', part(3)), undefined);
  });
});
