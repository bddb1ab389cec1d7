import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { environmentOf } from '../../../../src/client/fleet/session.ts';
import { many, noticeMany } from '../../../../src/client/fleet/notice-many.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

describe('a command that comes to many nodes', () => {
  test('is noticed once, and its turns are shown as before', () => {
    const shown: string[] = [];
    let noticed = 0;
    const waiting = { turn: (name: string, turn: string) => void shown.push(`${name} ${turn}`), end: () => {} };
    const noticing = noticeMany(waiting, () => noticed++);
    for (let index = 1; index < many; index++) {
      noticing.turn(`web${index}`, 'begun');
      noticing.turn(`web${index}`, 'answered');
    }
    assert.equal(noticed, 0);
    for (const name of ['last', 'later']) noticing.turn(name, 'begun');
    assert.equal(noticed, 1);
    assert.deepEqual(shown.slice(-2), ['last begun', 'later begun']);
  });

  test('is not counted where nobody wants to know', () => {
    const waiting = { turn: () => {}, end: () => {} };
    assert.equal(noticeMany(waiting, undefined), waiting);
  });
});

test('a command that may have changed something keeps its exit code, whatever becomes of its output', () => {
  let kept = 0;
  const { onChange } = environmentOf({ ...quietContext().context, keepExitCode: () => void kept++ });
  assert.equal(kept, 0);
  onChange();
  assert.equal(kept, 1);
});
