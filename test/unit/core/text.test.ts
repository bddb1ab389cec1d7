import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listNames, nearest, printable, printableLine } from '../../../src/core/text.ts';

test('the nearest name is found through a letter too many, too few, wrong, or two that changed places', () => {
  const near = (typed: string) => nearest(typed, ['tls', 'ping', 'timeout', 'status']);
  assert.deepEqual(['tsl', 'tl', 'tlss', 'tlx'].map(near), ['tls', 'tls', 'tls', 'tls']);
  assert.deepEqual(['pign', 'timeuot', 'sttauts'].map(near), ['ping', 'timeout', 'status']);
  assert.deepEqual(['slt', 'gnip', 'other'].map(near), [undefined, undefined, undefined]);
});

test('a list of names has so many at most, and counts the others', () => {
  assert.equal(listNames([], 2), 'none');
  assert.equal(listNames(['dev2', 'dev4'], 2), 'dev2, dev4');
  assert.equal(listNames(['dev2', 'dev4', 'dev6'], 2), 'dev2, dev4 and 1 more');
});

describe('text from outside', () => {
  const hostile = 'a\u001b]0;b\u0007\u009b31m\u202e\u061cc\u2028\r\td\ne';

  test('is shown without characters that control a terminal or reverse letters', () => {
    assert.equal(printable(hostile), 'a\\x1b]0;b\\x07\\x9b31m\\u202e\\u061cc\\u2028\\x0d\td\ne');
    assert.equal(printable('Ausrollen für “app” 部署 🙂'), 'Ausrollen für “app” 部署 🙂');
  });

  test('is the same after JSON', () => {
    const line = printableLine(JSON.stringify({ hostile }));
    assert.doesNotMatch(line, /[^\n\t -~]/);
    assert.deepEqual(JSON.parse(line), { hostile });
  });
});
