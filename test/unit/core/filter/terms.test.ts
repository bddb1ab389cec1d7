import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equalityTerms, publishedTerms } from '../../../../src/core/filter/terms.ts';
import { nodeWith, terms } from '../../../support/property/filter.ts';
import { thrownBy } from '../../../support/thrown.ts';

const said = (kind: string, key: string, value: string) => ({ kind, key, value });

test('returns the terms of a filter that are pure equality and must match', () => {
  const filter = terms({
    facts: ['cluster=Alfa', 'os.name==Debian', 'cores>2', 'rack!=1', 'role=/web/'],
    classes: ['web', '/db/'],
    agents: ['appmgr'],
    with: ['apache site=ams'],
    select: 'nginx and (zone=1 and not mail) and (x or y)',
  });
  assert.deepEqual(equalityTerms(filter), [
    said('agent', '', 'appmgr'),
    said('class', '', 'web'),
    said('fact', 'cluster', 'alfa'),
    said('fact', 'os.name', 'debian'),
    said('class', '', 'apache'),
    said('fact', 'site', 'ams'),
    said('class', '', 'nginx'),
    said('fact', 'zone', 'true'),
  ]);
});

test('returns the identities, any of which is enough, unless one of them is a regex', () => {
  const given = (identities: string[]) => equalityTerms(terms({ identities }));
  assert.deepEqual(given(['Dev1', 'dev2', 'dev1']), [said('identity', '', 'dev1'), said('identity', '', 'dev2')]);
  assert.deepEqual(given(['/dev1/']), []);
  assert.deepEqual(given(['dev1', '/dev/']), []);
  assert.deepEqual(given([]), []);
});

test('refuses a filter that does not parse', () => {
  assert.equal(thrownBy(() => equalityTerms(terms({ facts: ['cluster'] }))).code, 'bad-filter');
});

test('publishes only the named facts', () => {
  const node = nodeWith({
    agents: ['appmgr'],
    classes: ['web'],
    facts: { cluster: 'Alfa', secret: 'x', a: { b: [1, 'Z'] } },
  });
  assert.deepEqual(publishedTerms(node, ['cluster', 'a.b', 'absent', 'a']), [
    said('agent', '', 'appmgr'),
    said('class', '', 'web'),
    said('identity', '', 'dev1.devco.net'),
    said('fact', 'cluster', 'alfa'),
    said('fact', 'a.b', 'true'),
    said('fact', 'a.b', 'z'),
  ]);
});

test('gives the same text to values that a filter treats as equal', () => {
  const pairs: [string, unknown][] = [
    ['1.0', 1],
    ['1e1', 10],
    ['t', true],
    ['1', true],
    ['FALSE', false],
    ['007', '007'],
    ['ÄÖ', 'äö'],
    ['-0', 0],
  ];
  for (const [value, fact] of pairs) {
    const asked = equalityTerms(terms({ facts: [`f=${value}`] }));
    const published = publishedTerms(nodeWith({ facts: { f: fact } }), ['f']).filter(({ kind }) => kind === 'fact');
    assert.deepEqual(asked, published, `${value} and ${JSON.stringify(fact)}`);
  }
});
