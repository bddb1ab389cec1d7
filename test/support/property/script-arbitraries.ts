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

/** One of these, or several, unchanged. */
export const rightScript = fc
  .array(fc.constantFrom(...known), { minLength: 1, maxLength: 2 })
  .map((texts) => texts.join('\n'));

/** Pieces of the language in any order. */
export const randomScript = fc
  .array(fc.tuple(fc.constantFrom(...pieces), fc.constantFrom('', ' ', ' ', '\n')), { maxLength: 60 })
  .map((parts) => parts.flat().join(''));

const atoms = ['1', '0x1f', '1.5', "'x'", '"x$a.y"', 'true', 'undef', '$a', '[1, 2]', "{ 'k' => 1 }", 'web'];
const expression = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...atoms),
    tie('any').map((one) => `!(${one})`),
    fc
      .tuple(tie('any'), fc.constantFrom('+', '-', '*', '%', '==', '!=', '<', 'and', 'or', 'in'), tie('any'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc.tuple(fc.constantFrom('size', 'join', 'empty', 'unique'), tie('any')).map(([name, one]) => `${name}(${one})`),
  ),
})).any;
const statement = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    expression.map((one) => `notice(${one})`),
    fc.tuple(fc.nat(9), expression).map(([number, one]) => `$v${number} = ${one}`),
    fc.tuple(expression, tie('any'), tie('any')).map(([one, then, other]) => `if ${one} { ${then} } else { ${other} }`),
    fc.tuple(fc.nat(99), expression).map(([number, one]) => `notify { 'n${number}': message => ${one} }`),
    fc.tuple(expression, tie('any')).map(([one, then]) => `case ${one} { 1, 'x': { ${then} } default: { } }`),
  ),
})).any;

/** Statements that parse, of any values: what they come to is another matter. */
export const grammaticalScript = fc.array(statement, { minLength: 1, maxLength: 8 }).map((lines) => lines.join('\n'));

/** Any text, where a script may have any text. */
export const quotedText = fc
  .tuple(fc.constantFrom('comment', 'block', 'string'), fc.string({ unit: 'binary', maxLength: 200 }))
  .map(([kind, text]) => {
    if (kind === 'comment') return `# ${text.replaceAll(/[\n\r]/g, ' ')}\nnotice(1)`;
    if (kind === 'block') return `/* ${text.replaceAll('*/', '* /')} */ notice(1)`;
    return `notice('${text.replaceAll('\\', '').replaceAll("'", "\\'")}')`;
  });

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
