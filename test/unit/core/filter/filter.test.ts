import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filterNeedsFacts, noFilter, parseFilter } from '../../../../src/core/filter/filter.ts';
import { matches, nodeWith, terms } from '../../../support/property/filter.ts';

const web = nodeWith({
  name: 'dev4.devco.net',
  agents: ['rpcutil', 'appmgr'],
  classes: ['web', 'role::frontend', 'Apache'],
  facts: { cluster: 'bravo', cores: 4, virtual: false, os: { name: 'Debian' }, title: 'a (b) and c', path: '/usr/bin' },
});

describe('the terms of a filter', () => {
  test('match every node when there are none', () => {
    assert.ok(matches(noFilter, web));
  });

  test('must all match, whatever their kind', () => {
    assert.ok(matches({ facts: ['cluster=bravo', 'cores>2'], classes: ['web'], agents: ['appmgr'] }, web));
    assert.ok(!matches({ facts: ['cluster=bravo', 'cores>4'], classes: ['web'], agents: ['appmgr'] }, web));
    assert.ok(!matches({ facts: ['cluster=bravo'], classes: ['db'] }, web));
    assert.ok(!matches({ agents: ['appmgr', 'haproxy'] }, web));
    assert.ok(!matches({ classes: ['web', 'db'] }, web));
  });

  test('need only one matching identity', () => {
    assert.ok(matches({ identities: ['dev2.devco.net', 'dev4.devco.net'] }, web));
    assert.ok(matches({ identities: ['dev4.devco.net', '/^dev/'] }, web), 'two that match don’t drop the node');
    assert.ok(matches({ identities: ['lb1.devco.net', '/^dev4/'] }, web));
    assert.ok(!matches({ identities: ['lb1.devco.net', '/^dev5/'] }, web));
    assert.ok(!matches({ identities: ['/^dev/'], classes: ['db'] }, web));
  });

  test('name classes and agents exactly, or by a regex', () => {
    assert.ok(matches({ classes: ['role::frontend'] }, web));
    assert.ok(matches({ classes: ['/front/'] }, web));
    assert.ok(matches({ classes: [' web '] }, web));
    assert.ok(!matches({ classes: ['apache'] }, web));
    assert.ok(matches({ classes: ['/(?i)^apache$/'] }, web));
    assert.ok(!matches({ classes: ['we'] }, web));
    assert.ok(matches({ agents: ['/^app/'] }, web));
  });

  test('name identities in any case, since nodes have lower-case names', () => {
    assert.ok(matches({ identities: ['DEV4.devco.net'] }, web));
  });
});

describe('the shorthand', () => {
  test('mixes classes, facts and regexes, all of which must hold', () => {
    assert.ok(matches({ with: ['web cluster=bravo /front/'] }, web));
    assert.ok(matches({ with: ['web', '  cores>=4\tos.name=debian '] }, web));
    assert.ok(!matches({ with: ['web cluster=alfa'] }, web));
    assert.ok(!matches({ with: ['web', 'db'] }, web));
    assert.ok(matches({ with: ['cluster=/^b[r]/ title="a (b) and c"'] }, web));
  });
});

describe('a compound expression', () => {
  const selects = (select: string) => matches({ select }, web);

  test('joins classes, regexes and facts', () => {
    assert.ok(selects('web and cluster=bravo'));
    assert.ok(selects('db or /front/'));
    assert.ok(selects('(db or web) and not cluster=alfa'));
    assert.ok(!selects('web and not cluster=bravo'));
    assert.ok(selects('((cluster=alfa and cores=4) or cluster=bravo) and /^Apa/'));
  });

  test('evaluates “not” before “and” before “or”', () => {
    assert.ok(selects('web or web and db'));
    assert.ok(!selects('(web or web) and db'));
    assert.ok(selects('db and db or web'));
    assert.ok(selects('not db and web'));
    assert.ok(!selects('not (db or web)'));
    assert.ok(selects('not not web'));
  });

  test('accepts ! for not, and the words in any case', () => {
    assert.ok(selects('!db'));
    assert.ok(selects('!(db)AND !cluster=alfa'));
    assert.ok(selects('! db And NOT db OR db'));
    assert.ok(selects('cluster!=alfa'));
  });

  test('reads words that begin like “and” as classes', () => {
    assert.ok(!selects('android or notary or order'));
  });

  test('keeps spaces, parentheses and slashes in regexes and quotations', () => {
    assert.ok(selects('title=/^a \\(b\\) and (c|d)$/ and web'));
    assert.ok(selects('(title="a (b) and c")'));
    assert.ok(selects("title='A (B) and C' and web"));
    assert.ok(selects('(path=/usr/bin and web)'));
    assert.ok(selects('path=/^\\/usr/'));
    assert.ok(selects('path=/^\\/ ?usr/'));
    assert.ok(selects('path="/usr/bin"'));
    assert.ok(!selects('path=""'));
    assert.ok(selects('cores>=4 and cores<5 and cores!=5'));
  });

  test('treats an absent fact as false, and its negation as true', () => {
    assert.ok(!selects('nothing!=1'));
    assert.ok(selects('not nothing=1'));
  });

  test('is never run as code', () => {
    const { exit } = process;
    assert.ok(!selects('process.exit=1'));
    assert.equal(process.exit, exit);
    assert.ok(!selects('constructor.constructor="return process"'));
  });
});

test('reports which facts it reads', () => {
  const filter = parseFilter(
    terms({ facts: ['cluster=a', 'os.name!=/x/'], with: ['web cores>1'], select: 'not (db or rack=1) and cluster=b' }),
  );
  assert.deepEqual(filterNeedsFacts(filter), ['cluster', 'cores', 'os.name', 'rack']);
  assert.deepEqual(filterNeedsFacts(parseFilter(terms({ classes: ['web'], identities: ['a'] }))), []);
});
