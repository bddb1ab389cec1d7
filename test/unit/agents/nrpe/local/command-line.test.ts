import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from '../../../../../src/agents/nrpe/local/command-line.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import { holds, reached } from '../../../../support/property/property.ts';

const parse = (line: string) => parseCommandLine(line, 'the definition of command[x]');

/** The words as a real shell splits them. */
function wordsOfShell(line: string): string[] {
  const printed = execFileSync('/bin/sh', ['-c', `for word in ${line}; do printf '%s\\0' "$word"; done`], { cwd: '/' });
  return printed.toString().split('\0').slice(0, -1);
}

describe('a command line', () => {
  for (const line of [
    '/usr/lib/nagios/plugins/check_load -w 15,10,5 -c 30,25,20',
    `check_http -H 127.0.0.1 -u "/a b?c=d" -s 'it is "fine"'`,
    `a 'b'"c"d  ""	'' \\  e\\ f`,
    `a "x\\"y\\\\z\\n\\$HOME" 'in $HOME; | & > < \`'`,
    `check_procs --ereg-argument-array='^nginx: master$' 'a#b' c#d e~f`,
    'check_procs -w ~:10 -c @~:20 x=~/y',
    'check_procs --ereg-argument-array=java.*tomcat [no] {} a{b}',
    'check_http -u /no/such/place?a=b "/etc/*" /etc/\\*',
  ]) {
    test(`is split as sh splits it: ${line}`, () => {
      assert.deepEqual(parse(line), wordsOfShell(line));
    });
  }

  test('is split as sh splits it, or refused, for any input', () => {
    const piece = fc.constantFrom(
      'a',
      'B',
      '1',
      ' ',
      "'",
      '"',
      '\\',
      '$',
      ',',
      '%',
      ':',
      '\t',
      '-',
      '/',
      '{',
      '}',
      '*',
      '?',
      '[',
      ']',
      '~',
    );
    holds(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const line = pieces.join('');
        let words: string[];
        try {
          words = parse(line);
        } catch (problem) {
          assert.ok(problem instanceof Problem && problem.code === 'refused-command', String(problem));
          return;
        }
        reached();
        assert.deepEqual(words, wordsOfShell(line));
      }),
      150,
    );
  });

  for (const line of [
    'a | b',
    'a; b',
    'a && b',
    'a `b`',
    'a "`b`"',
    'a $(b)',
    'a "$(b)"',
    'a $HOME',
    'a "$\u007bHOME}"',
    'a > b',
    'a < b',
    '(a)',
    'LANG=C a',
    'a ~/b',
    'a ~',
    'a ~root/x',
    'check_file_age /var/lib/*.dump',
    'a /etc/host[st]',
    'a /et?/hosts',
    'a *',
    'a {one,two}',
    'a x{1..3}',
    'a #b',
    "a 'b",
    'a "b',
    'a \\',
    '',
    '  ',
    "a '$ARG1$'",
  ]) {
    test(`is refused if it needs a shell or a caller’s arguments: ${line}`, () => {
      assert.throws(
        () => parse(line),
        (problem) => problem instanceof Problem && problem.code === 'refused-command',
      );
    });
  }
});
