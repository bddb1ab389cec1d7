import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startStrangerLog } from '../../../../src/daemon/audit/stranger-log.ts';

const minute = 60_000;

function startLog() {
  const clock = { now: 10 * minute };
  const lines: unknown[] = [];
  const log = { warn: (details: object, message: string) => lines.push([message, details]) };
  return { clock, lines, ...startStrangerLog(log as never, () => clock.now) };
}

describe('log entries about strangers', () => {
  test('show the stranger and the reason, cut to 200 and 300 characters', () => {
    const { note, lines, count } = startLog();
    note('a'.repeat(201), 'b'.repeat(301));
    assert.deepEqual(lines, [['stranger refused', { from: 'a'.repeat(200), reason: 'b'.repeat(300) }]]);
    assert.equal(count(), 1);
  });

  test('are limited to 30 per minute, and the next minute has the number of the others', () => {
    const { note, lines, count, clock } = startLog();
    for (let time = 0; time < 33; time++) note('x', 'y');
    clock.now += minute - 1;
    note('x', 'y');
    assert.equal(lines.length, 30);
    clock.now += 1;
    note('x', 'y');
    assert.deepEqual(lines.slice(30), [
      ['more strangers were refused than are logged', { dropped: 4 }],
      ['stranger refused', { from: 'x', reason: 'y' }],
    ]);
    for (let time = 0; time < 29; time++) note('x', 'y');
    assert.equal(lines.length, 61, 'thirty again');
    clock.now += minute;
    note('x', 'y');
    assert.equal(lines.length, 62, 'none was left out');
    for (let time = 0; time < 30; time++) note('x', 'y');
    clock.now += minute;
    note('x', 'y');
    assert.deepEqual(lines.at(-2), ['more strangers were refused than are logged', { dropped: 1 }]);
    assert.equal(count(), 96);
  });
});
