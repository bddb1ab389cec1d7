import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startStatusLines } from '../../../../src/client/render/live/status-lines.ts';
import { screenOf } from '../../../support/program/screen.ts';

function terminalOf(rows = 24) {
  let written = '';
  const terminal = {
    rows,
    write: (text: string) => {
      written += text;
      return true;
    },
  };
  const lines = startStatusLines(terminal as unknown as NodeJS.WriteStream);
  return {
    lines,
    say: (text: string) => lines.above(() => terminal.write(`${text}\n`)),
    screen: () => screenOf(written, 20),
  };
}

describe('lines at the bottom of a terminal', () => {
  test('stay below the output, and leave nothing behind', () => {
    const { lines, say, screen } = terminalOf();
    say('first');
    lines.draw(['one', 'two', 'three']);
    assert.deepEqual(screen(), ['first', 'one', 'two', 'three']);
    say('second');
    assert.deepEqual(screen(), ['first', 'second', 'one', 'two', 'three']);
    lines.draw(['one']);
    say('third');
    assert.deepEqual(screen(), ['first', 'second', 'third', 'one']);
    lines.draw([]);
    say('fourth');
    assert.deepEqual(screen(), ['first', 'second', 'third', 'fourth']);
  });

  test('are single rows, whatever their length and content', () => {
    const { lines, say, screen } = terminalOf();
    lines.draw(['a line of far more than twenty columns', 'up \x1b[9A and away\nwith it']);
    assert.equal(screen().length, 2);
    say('said');
    lines.draw([]);
    assert.deepEqual(screen(), ['said']);
  });

  test('are never more than the terminal has', () => {
    const { lines, screen } = terminalOf(4);
    lines.draw(['1', '2', '3', '4', '5']);
    assert.deepEqual(screen(), ['1', '2', '3']);
  });
});
