import fc from 'fast-check';
import type { NodeFacts } from '../../../src/core/node.ts';
import type { FilterTerms } from '../../../src/core/wire/messages.ts';

const words = ['a', 'b', 'web', 'cluster', 'a.b', 'os', 'x'];
const values = ['1', '1.0', 'true', 't', 'f', 'Web', 'b', '', '/', '/b/', '10', '-0', 'é'];
const signs = [
  '=',
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '=<',
  '>=',
  '=>',
  '=~',
  '!',
  '~',
  '/',
  '"',
  "'",
  '(',
  ')',
  ' and ',
  ' or ',
  ' not ',
  ' ',
  '\\',
  '.',
];

/** Text that is nearly a filter or a policy, so that random input gets past the first check. */
export const nearlySyntax = fc.oneof(
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
  {
    weight: 4,
    arbitrary: fc
      .array(fc.constantFrom(...words, ...values, ...signs), { maxLength: 30 })
      .map((pieces) => pieces.join('')),
  },
);

/** A fact’s test that parses. */
export const factTerm = fc
  .tuple(
    fc.constantFrom(...words),
    fc.constantFrom('=', '==', '!=', '<', '>', '<=', '=<', '>=', '=>'),
    fc.constantFrom(...values.filter((value) => value !== '' && !value.startsWith('/'))),
  )
  .map((parts) => parts.join(''));

/** An expression that parses. */
export const expression = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('web', 'db', '/^w/'),
    factTerm,
    tie('any').map((part) => `not (${part})`),
    fc.tuple(tie('any'), fc.constantFrom('and', 'or'), tie('any')).map(([a, join, b]) => `(${a} ${join} ${b})`),
  ),
})).any;

/** Terms that parse. */
export const goodTerms: fc.Arbitrary<FilterTerms> = fc.record({
  facts: fc.array(factTerm, { maxLength: 2 }),
  classes: fc.subarray(['web', 'db', '/^w/'], { maxLength: 1 }),
  agents: fc.subarray(['appmgr', 'nrpe'], { maxLength: 1 }),
  identities: fc.subarray(['dev1', 'DEV2', '/^dev/', '/2$/']),
  with: fc.array(factTerm, { maxLength: 1 }),
  select: fc.oneof(fc.constant(''), expression),
});

/** A node with any facts, and with those that the filters above ask for. */
export const anyNode: fc.Arbitrary<NodeFacts> = fc.record({
  name: fc.constantFrom('dev1', 'dev2', 'lb1'),
  agents: fc.subarray(['appmgr', 'nrpe', 'rpcutil']),
  classes: fc.subarray(['web', 'db', 'mail']),
  facts: fc.oneof(
    fc.dictionary(
      fc.constantFrom(...words, '__proto__', 'constructor'),
      fc.oneof(fc.constantFrom<unknown>(...values, 1, 10, 0, true, false), fc.jsonValue({ maxDepth: 3 })),
    ),
    fc.dictionary(fc.string(), fc.anything()),
  ),
});
