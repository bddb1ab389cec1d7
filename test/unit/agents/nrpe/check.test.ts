import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judge, splitOutput } from '../../../../src/agents/nrpe/check.ts';
import type { CommandResult } from '../../../../src/core/ports.ts';

const result = (fields: Partial<CommandResult>): CommandResult => ({
  code: 0,
  signal: null,
  stdout: 'fine',
  stderr: '',
  truncated: false,
  ...fields,
});

describe('the output of a plugin', () => {
  const cases: [string, string, string][] = [
    ['OK - fine\n', 'OK - fine', ''],
    ['OK - fine | a=1;2;3 b=2\n', 'OK - fine', 'a=1;2;3 b=2'],
    ['OK | a=1\nlong one\nlong two | b=2\nc=3\n', 'OK\nlong one\nlong two', 'a=1 b=2 c=3'],
    ['OK\nlong | b=2 | not parted again', 'OK\nlong', 'b=2 | not parted again'],
    ['OK|/=13MB;26;27;0;28', 'OK', '/=13MB;26;27;0;28'],
    ['', '', ''],
    ['|a=1', '', 'a=1'],
  ];
  for (const [printed, output, perfdata] of cases) {
    test(`is split into text and performance data: ${JSON.stringify(printed)}`, () => {
      assert.deepEqual(splitOutput(printed), { output, perfdata });
    });
  }
});

describe('the end of a plugin', () => {
  test('determines the state', () => {
    for (const [code, state] of [
      [0, 'OK'],
      [1, 'WARNING'],
      [2, 'CRITICAL'],
      [3, 'UNKNOWN'],
      [4, 'UNKNOWN'],
      [255, 'UNKNOWN'],
    ] as const) {
      const check = judge('x', '/x', result({ code }), 10);
      assert.deepEqual([check.exitcode, check.state, check.output], [Math.min(code, 3), state, 'fine']);
    }
  });

  test('without output has what it complained about, in 500 characters', () => {
    const output = (stderr: string) => judge('x', '/x', result({ code: 1, stdout: '\n', stderr }), 10).output;
    assert.equal(output(''), 'The plugin printed nothing (exit code 1)');
    assert.equal(output(`${'c'.repeat(501)}\n`), `The plugin printed nothing (exit code 1): ${'c'.repeat(500)}`);
  });

  test('is UNKNOWN with the reason if it did not end by itself', () => {
    const reasons = [
      judge('x', '/x', result({ code: null, ended: 'timeout' }), 10).output,
      judge('x', '/x', result({ code: null, ended: 'not-found' }), 10).output,
      judge('x', '/x', result({ code: null, signal: 'SIGSEGV' }), 10).output,
      judge('x', '/x', result({ code: 127, stdout: '', stderr: 'lib missing\nmore' }), 10).output,
    ];
    assert.deepEqual(reasons, [
      'NRPE: Command timed out after 10 seconds',
      'The plugin /x does not exist',
      'The plugin was ended by SIGSEGV',
      'The plugin printed nothing (exit code 127): lib missing',
    ]);
  });
});
