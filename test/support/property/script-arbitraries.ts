import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { shippedScripts } from '../../../src/playbooks.ts';

const directory = join(import.meta.dirname, '../../fixtures/puppet');
const pieces = [
  ...[
    'if',
    'elsif',
    'else',
    'unless',
    'case',
    'default',
    'define',
    'class',
    'node',
    'and',
    'or',
    'in',
    'undef',
    'true',
  ],
  ...[
    'mcollective',
    'notify',
    'exec',
    'mco::ping',
    'Notify',
    'Class',
    'App::Update',
    'include',
    'discover',
    'fail',
    'notice',
  ],
  ...['$a', '$b', '$name', '"x$a.y"', "'x'", '"', "'", '1', '0x1f', '1.5', '/a+/', '/', 'empty', 'size', 'join'],
  ...[
    '->',
    '~>',
    '<-',
    '=>',
    '+>',
    '==',
    '!=',
    '=~',
    '+',
    '-',
    '*',
    '%',
    '!',
    '=',
    '?',
    '@',
    '<|',
    '|>',
    ':',
    ';',
    ',',
  ],
  ...['{', '}', '(', ')', '[', ']', '{', '}', '\n', ' ', '#', '/*', '*/', '.', '|', '\\', '$', '$' + '{', '\u{1F600}'],
];

/** Scripts that are right, from the tables of the language and the shipped ones. */
const known = [
  ...Object.values(shippedScripts),
  ...readdirSync(directory).flatMap((file) =>
    readFileSync(join(directory, file), 'utf8')
      .split(/^== .*\n/m)
      .map((block) => block.replace(/^(>>|=>|!!).*$/gms, '')),
  ),
];

/** Pieces of the language in any order. */
export const randomScript = fc
  .array(fc.tuple(fc.constantFrom(...pieces), fc.constantFrom('', ' ', ' ', '\n')), { maxLength: 60 })
  .map((parts) => parts.flat().join(''));

/** A script that is right, with something cut out, put in twice or put in from elsewhere. */
export const mutatedScript = fc
  .tuple(
    fc.constantFrom(...known),
    fc.array(fc.tuple(fc.nat(), fc.nat(20), fc.oneof(fc.constantFrom('', ...pieces), fc.string({ maxLength: 5 }))), {
      minLength: 1,
      maxLength: 6,
    }),
  )
  .map(([script, changes]) =>
    changes.reduce((text, [at, length, piece]) => {
      const from = text.length === 0 ? 0 : at % text.length;
      return text.slice(0, from) + piece + text.slice(from + length);
    }, script),
  );
