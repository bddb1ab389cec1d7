import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mergeTerms, noFilter } from '../../../../src/core/filter/filter.ts';
import type { FilterTerms } from '../../../../src/core/wire/messages.ts';
import { matches, nodeWith, terms } from '../../../support/property/filter.ts';
import { thrownBy } from '../../../support/thrown.ts';

const merged = (a: Partial<FilterTerms>, b: Partial<FilterTerms>) => mergeTerms(terms(a), terms(b));

describe('merging terms', () => {
  test('leaves them unchanged with none, and the empty filter, too', () => {
    const some = terms({ facts: ['a=1'], identities: ['x', '/y/'], select: 'web' });
    assert.deepEqual(mergeTerms(some, noFilter), some);
    assert.deepEqual(mergeTerms(noFilter, some), some);
    assert.deepEqual(mergeTerms(noFilter, noFilter), { ...noFilter });
  });

  test('requires all of both, each once', () => {
    const both = merged(
      { facts: ['a=1'], agents: ['x'], with: ['w'] },
      { facts: ['a=1', 'b=2'], agents: ['y'], classes: ['c'] },
    );
    assert.deepEqual(both, terms({ facts: ['a=1', 'b=2'], agents: ['x', 'y'], classes: ['c'], with: ['w'] }));
  });

  test('narrows identities, and never widens them', () => {
    assert.deepEqual(merged({ identities: ['dev1', 'dev2'] }, { identities: ['DEV2', 'dev3'] }).identities, ['dev2']);
    assert.deepEqual(merged({ identities: ['dev1', 'lb1'] }, { identities: ['/^dev/'] }).identities, ['dev1']);
    assert.deepEqual(merged({ identities: ['/^dev/', 'lb1'] }, { identities: ['dev7', 'lb1'] }).identities, [
      'lb1',
      'dev7',
    ]);
    assert.deepEqual(merged({ identities: ['/^dev/'] }, { identities: ['/^dev/', '/^lb/'] }).identities, ['/^dev/']);
  });

  test('refuses identities that have nothing in common, because an empty list would mean all', () => {
    assert.equal(thrownBy(() => merged({ identities: ['dev1'] }, { identities: ['dev2'] })).code, 'bad-filter');
    assert.equal(thrownBy(() => merged({ identities: ['/^a/'] }, { identities: ['/b$/'] })).code, 'bad-filter');
    assert.equal(thrownBy(() => merged({ identities: ['dev1'] }, { identities: ['/^lb/'] })).code, 'bad-filter');
  });

  test('joins expressions as wholes', () => {
    const both = merged({ select: 'a or b' }, { select: 'c or d' });
    assert.ok(matches(both, nodeWith({ classes: ['b', 'c'] })));
    assert.ok(!matches(both, nodeWith({ classes: ['a', 'b'] })));
    assert.ok(!matches(both, nodeWith({ classes: ['c'] })));
    assert.equal(merged({ select: 'a' }, { select: 'a' }).select, 'a');
  });

  test('refuses an expression that would break out of its parentheses', () => {
    assert.equal(thrownBy(() => merged({ select: 'a) or (b' }, { select: 'c' })).code, 'bad-filter');
    assert.equal(thrownBy(() => merged({ select: 'f=/x' }, { select: 'g=/' })).code, 'bad-filter');
    assert.equal(thrownBy(() => merged({ select: 'c' }, { select: 'f="x' })).code, 'bad-filter');
  });
});
