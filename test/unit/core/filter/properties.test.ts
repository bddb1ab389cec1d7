import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Problem } from '../../../../src/core/errors.ts';
import {
  type Filter,
  filterNeedsFacts,
  matchesFilter,
  mergeTerms,
  noFilter,
  parseFilter,
} from '../../../../src/core/filter/filter.ts';
import { compilePattern } from '../../../../src/core/filter/pattern.ts';
import { equalityTerms, publishedTerms } from '../../../../src/core/filter/terms.ts';
import type { FilterTerms } from '../../../../src/core/wire/messages.ts';
import {
  anyNode,
  expression,
  goodTerms,
  nearly,
  nearlyTerms,
  nodeAndTerms,
} from '../../../support/property/filter-arbitraries.ts';
import { holds, reached } from '../../../support/property/property.ts';

// A failure prints the seed and the path that repeat it.

/** The filter, or undefined when it was refused as it should be. */
function parsed(terms: FilterTerms): Filter | undefined {
  try {
    return parseFilter(terms);
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === 'bad-filter', String(error));
    assert.equal(error.message.split('\n').length, 3);
    assert.ok(error.message.length < 300);
    return undefined;
  }
}

describe('a filter from random input', () => {
  for (const field of ['facts', 'classes', 'agents', 'identities', 'with'] as const) {
    test(`is parsed as a term of ${field} or refused, and a parsed one has a result`, () => {
      holds(
        fc.property(nearlyTerms[field], anyNode, (text, node) => {
          const filter = parsed({ ...noFilter, [field]: [text] });
          if (filter === undefined) return;
          reached();
          assert.equal(typeof matchesFilter(filter, node), 'boolean');
        }),
        1000,
      );
    });
  }

  test('is parsed as an expression or refused, and a parsed one has a result', () => {
    holds(
      fc.property(nearly(expression), anyNode, (select, node) => {
        const filter = parsed({ ...noFilter, select });
        if (filter === undefined) return;
        reached();
        assert.equal(typeof matchesFilter(filter, node), 'boolean');
      }),
      2000,
    );
  });

  test('is compiled as a regex or refused, and has a result for any text', () => {
    const piece = fc.constantFrom(
      'a',
      '.',
      '*',
      '+',
      '?',
      '|',
      '(',
      ')',
      '[',
      ']',
      '^',
      '$',
      '{2}',
      '{1,9}',
      '\\',
      '\\pL',
      '\\b',
      '\\Q',
      '\\E',
      '(?i)',
      ':',
    );
    const source = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
    );
    holds(
      fc.property(source, fc.string({ unit: 'binary', maxLength: 100 }), (pattern, text) => {
        try {
          const matches = compilePattern(pattern);
          reached();
          assert.equal(typeof matches(text), 'boolean');
        } catch (error) {
          assert.ok(error instanceof Problem && error.code === 'bad-pattern', String(error));
        }
      }),
      3000,
    );
  });
});

describe('any filter and node', () => {
  const aimed = fc.oneof(
    { weight: 4, arbitrary: nodeAndTerms },
    { weight: 1, arbitrary: fc.tuple(anyNode, goodTerms, goodTerms) },
  );
  const answer = (terms: FilterTerms, node: Parameters<typeof matchesFilter>[1]) =>
    matchesFilter(parseFilter(terms), node);

  test('a negation is the opposite', () => {
    holds(
      fc.property(expression, anyNode, (select, node) => {
        reached();
        assert.notEqual(
          answer({ ...noFilter, select }, node),
          answer({ ...noFilter, select: `not (${select})` }, node),
        );
      }),
    );
  });

  test('merged terms match exactly what both match, if they can be merged', () => {
    holds(
      fc.property(aimed, ([node, a, b]) => {
        let both: FilterTerms;
        try {
          both = mergeTerms(a, b);
        } catch (error) {
          assert.ok(error instanceof Problem && error.code === 'bad-filter', String(error));
          return;
        }
        const expected = answer(a, node) && answer(b, node);
        if (expected) reached();
        assert.equal(answer(both, node), expected);
      }),
      1000,
    );
  });

  test('a node that matches publishes every equality that the filter requires', () => {
    holds(
      fc.property(aimed, ([node, terms]) => {
        const filter = parseFilter(terms);
        if (!matchesFilter(filter, node)) return;
        const published = publishedTerms(node, filterNeedsFacts(filter)).map((term) => JSON.stringify(term));
        const asked = equalityTerms(terms);
        if (asked.length > 0) reached();
        const isSaid = (term: object) => published.includes(JSON.stringify(term));
        for (const term of asked) assert.ok(term.kind === 'identity' || isSaid(term), JSON.stringify(term));
        const names = asked.filter(({ kind }) => kind === 'identity');
        assert.ok(names.length === 0 || names.some(isSaid));
      }),
      500,
    );
  });

  test('facts that the filter does not need change nothing', () => {
    holds(
      fc.property(goodTerms, anyNode, (terms, node) => {
        const filter = parseFilter(terms);
        const heads = new Set(filterNeedsFacts(filter).flatMap((name) => [name, name.split('.')[0]]));
        const facts = Object.fromEntries(Object.entries(node.facts).filter(([key]) => heads.has(key)));
        if (Object.keys(facts).length < Object.keys(node.facts).length) reached();
        assert.equal(matchesFilter(filter, { ...node, facts }), matchesFilter(filter, node));
      }),
    );
  });
});
