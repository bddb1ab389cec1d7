import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Expression } from '../../../../src/core/filter/expression.ts';
import { parseFilter } from '../../../../src/core/filter/filter.ts';
import { mayHold, mustHold } from '../../../../src/core/policy/certainty.ts';
import type { FilterTerms } from '../../../../src/core/wire/messages.ts';
import { nodeWith, terms } from '../../../support/property/filter.ts';

test('where facts and classes are missing, a node’s agents and its name are still known', () => {
  const node = { ...nodeWith({ agents: ['appmgr'] }), missing: ['*'] };
  const tests: [Partial<FilterTerms>, boolean][] = [
    [{ agents: ['appmgr'] }, true],
    [{ agents: ['haproxy'] }, false],
    [{ identities: [node.name] }, true],
    [{ identities: ['dev2.devco.net'] }, false],
  ];
  for (const [term, holds] of tests) {
    const [expression] = parseFilter(terms(term)).all as [Expression];
    const negated: Expression = { kind: 'not', part: expression };
    assert.deepEqual(
      [mustHold, mayHold].map((judge) => [judge(expression, node), judge(negated, node)]),
      [
        [holds, !holds],
        [holds, !holds],
      ],
      JSON.stringify(term),
    );
  }
});
