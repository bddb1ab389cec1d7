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

/** Values that parse, such values with something put into them, and text that is nearly syntax. */
export function nearly(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const put = fc
    .tuple(good, fc.nat(), fc.constantFrom(...words, ...values, ...signs))
    .map(([text, at, piece]) => text.slice(0, at % (text.length + 1)) + piece + text.slice(at % (text.length + 1)));
  return fc.oneof(
    { weight: 3, arbitrary: good },
    { weight: 1, arbitrary: put },
    { weight: 2, arbitrary: nearlySyntax },
  );
}

/** A fact’s test that parses. */
const factTerm = fc
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

/** Values of each kind of term, most of which parse. */
export const nearlyTerms = {
  facts: nearly(factTerm),
  classes: nearly(fc.constantFrom('web', 'db', '/^w/', '/b$/', 'a::b')),
  agents: nearly(fc.constantFrom('appmgr', 'nrpe', '/^a/')),
  identities: nearly(fc.constantFrom('dev1', 'DEV2', '/^dev/', 'dev2.devco.net')),
  with: nearly(fc.oneof(factTerm, fc.constantFrom('web', '/^w/'))),
} as const;

/** A node, and two filters of which it matches most: they ask for what is true of it. */
export const nodeAndTerms: fc.Arbitrary<readonly [NodeFacts, FilterTerms, FilterTerms]> = fc
  .record({
    name: fc.constantFrom('dev1', 'dev2', 'lb1'),
    agents: fc.subarray(['appmgr', 'nrpe', 'rpcutil'], { minLength: 1 }),
    classes: fc.subarray(['web', 'db', 'mail'], { minLength: 1 }),
    facts: fc.dictionary(
      fc.constantFrom('a', 'b', 'web', 'cluster', 'x'),
      fc.constantFrom<string | number | boolean>('1', '1.0', 't', 'Web', 'b', 10, 0, true),
      { minKeys: 1 },
    ),
  })
  .chain((node) => fc.tuple(fc.constant(node), trueOf(node), trueOf(node)));

function trueOf({ name, agents, classes, facts }: NodeFacts): fc.Arbitrary<FilterTerms> {
  const equal = Object.entries(facts).map(([fact, value]) => `${fact}=${value}`);
  return fc.record({
    facts: fc.subarray(equal, { maxLength: Math.min(2, equal.length) }),
    classes: fc.subarray([...classes], { maxLength: 1 }),
    agents: fc.subarray([...agents], { maxLength: 1 }),
    identities: fc.constantFrom<string[]>([], [], [name]),
    with: fc.subarray([...equal, ...classes], { maxLength: 1 }),
    select: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('', ...classes, ...equal) },
      { weight: 1, arbitrary: expression },
    ),
  });
}

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
