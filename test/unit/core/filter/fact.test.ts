import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFilter } from '../../../../src/core/filter/filter.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { factMatches, terms } from '../../../support/property/filter.ts';
import { thrownBy } from '../../../support/thrown.ts';

type Row = readonly [term: string, fact: unknown, matches: boolean];

function check(rows: readonly Row[]): void {
  for (const [term, fact, expected] of rows) {
    assert.equal(factMatches(term, { f: fact }), expected, `${term} with f = ${JSON.stringify(fact)}`);
  }
}

describe('comparing a fact', () => {
  test('ignores the case of strings', () => {
    check([
      ['f=Alfa', 'aLFA', true],
      ['f==alfa', 'alfa', true],
      ['f=alfa', 'alfa ', false],
      ['f=alfa', 'alf', false],
      ['f!=alfa', 'ALFA', false],
      ['f!=alfa', 'bravo', true],
      ['f=straße', 'STRASSE', false],
      ['f=ÄÖ', 'äö', true],
    ]);
  });

  test('accepts true, t, 1 and false, f, 0 for booleans', () => {
    for (const word of ['true', 'TRUE', 't', 'T', '1']) {
      check([
        [`f=${word}`, true, true],
        [`f=${word}`, false, false],
        [`f!=${word}`, false, true],
      ]);
    }
    for (const word of ['false', 'False', 'f', '0']) {
      check([
        [`f=${word}`, false, true],
        [`f=${word}`, true, false],
      ]);
    }
    check([
      ['f=yes', true, false],
      ['f!=yes', true, true],
      ['f<2', true, false],
      ['f>=1', true, false],
    ]);
  });

  test('never matches an absent fact, not even with !=', () => {
    for (const operator of ['=', '==', '!=', '<', '>', '<=', '>=', '=<', '=>', '=~']) {
      assert.equal(factMatches(`g${operator}1`, { f: 1 }), false, operator);
      check([
        [`f${operator}1`, null, false],
        [`f${operator}1`, { nested: 1 }, false],
      ]);
    }
    assert.equal(factMatches('g!=/x/', { f: 'y' }), false);
  });

  test('matches a regex on the text of a fact, in any case, anywhere in it', () => {
    check([
      ['f=/^al/', 'alfa', true],
      ['f=/lf/', 'alfa', true],
      ['f=/LF/', 'alfa', true],
      ['f=/(?i)LF/', 'alfa', true],
      ['f=~lf', 'alfa', true],
      ['f=~/lf/', 'alfa', true],
      ['f==/lf/', 'alfa', true],
      ['f = /lf/', 'alfa', true],
      ['f!=/lf/', 'alfa', false],
      ['f!=/lf/', 'bravo', true],
      ['f=/^1.$/', 10, true],
      ['f=/^t/', true, true],
      ['f=/a b/', 'a b', true],
      ['f=/ b/', 'ab', false],
      ['f=/a$/', 'a\n', false],
    ]);
  });

  test('finds a list by any of its elements', () => {
    check([
      ['f=web', ['db', 'Web'], true],
      ['f=mail', ['db', 'web'], false],
      ['f!=web', ['db', 'web'], false],
      ['f!=mail', ['db', 'web'], true],
      ['f>5', [1, 7], true],
      ['f=/^w/', ['db', 'web'], true],
      ['f!=/^w/', ['db', 'web'], false],
      ['f=1', [], false],
      ['f=1', [[1], { a: 1 }], false],
    ]);
  });
});

describe('comparing a fact with a number', () => {
  test('compares numbers as numbers', () => {
    check([
      ['f=10', 10, true],
      ['f=10.0', 10, true],
      ['f=1e1', 10, true],
      ['f=0x0a', 10, false],
      ['f=ten', 10, false],
      ['f!=ten', 10, true],
      ['f!=10.00', 10, false],
      ['f<10', 9.99, true],
      ['f<10', 10, false],
      ['f<=10', 10, true],
      ['f=<10', 10, true],
      ['f>10', 10, false],
      ['f>9', 10, true],
      ['f>=10', 10, true],
      ['f=>10', 10, true],
      ['f=>10', 9, false],
      ['f>-1', -0.5, true],
      ['f<ten', 9, false],
      ['f>ten', 9, false],
    ]);
  });

  test('orders strings that are numbers as numbers, and others alphabetically', () => {
    check([
      ['f<10', '9', true],
      ['f>9', '10', true],
      ['f<b', 'A', true],
      ['f>=B', 'b', true],
      ['f>a', 'B', true],
      ['f<10', 'nine', false],
      ['f>10', 'nine', true],
    ]);
  });

  test('distinguishes versions that would be the same number', () => {
    check([
      ['f=1.1', '1.10', false],
      ['f!=1.1', '1.10', true],
      ['f=1.10', '1.10', true],
    ]);
  });
});

describe('finding a fact', () => {
  const facts = {
    os: { name: 'debian', release: { major: '12' } },
    'os.kernel': 'linux',
    net: { 'eth0.1': { ip: '10.0.0.1' } },
    disks: ['sda', 'sdb'],
    'a.b': null,
    a: { b: 'nested' },
  };

  test('descends by dots', () => {
    assert.ok(factMatches('os.name=Debian', facts));
    assert.ok(factMatches('os.release.major=12', facts));
    assert.ok(!factMatches('os.release=12', facts));
    assert.ok(!factMatches('os.name.length=6', facts));
  });

  test('finds names that contain a dot', () => {
    assert.ok(factMatches('os.kernel=linux', facts));
    assert.ok(factMatches('net.eth0.1.ip=10.0.0.1', facts));
  });

  test('finds elements of a list by their index, and nothing else of a list', () => {
    assert.ok(factMatches('disks.1=sdb', facts));
    assert.ok(!factMatches('disks.length=2', facts));
    assert.ok(!factMatches('disks.2=sdb', facts));
  });

  test('ignores inherited keys', () => {
    for (const name of [
      '__proto__',
      'constructor',
      'toString',
      'os.constructor.name',
      '__proto__.x',
      'hasOwnProperty',
    ]) {
      assert.equal(factMatches(`${name}!=x`, facts), false, name);
      assert.equal(factMatches(`${name}=/./`, facts), false, name);
    }
    assert.equal(factMatches('cluster=alfa', Object.create({ cluster: 'alfa' })), false);
  });

  test('has bounded branches even if every prefix of the name exists', () => {
    const parts = Array.from({ length: 16 }, () => 'a');
    let nested: JsonObject = {};
    for (let depth = 16; depth > 0; depth--) {
      const inner = nested;
      nested = Object.fromEntries(parts.slice(0, depth).map((_, index) => ['a'.concat('.a'.repeat(index)), inner]));
    }
    assert.equal(factMatches(`${parts.join('.')}=x`, nested), false);
    assert.equal(thrownBy(() => parseFilter(terms({ facts: [`${'a.'.repeat(16)}a=x`] }))).code, 'bad-filter');
  });
});

describe('a fact too large to compare', () => {
  test('matches nothing', () => {
    const long = 'x'.repeat(4097);
    check([
      ['f=/x/', long, false],
      ['f!=/y/', long, false],
      ['f!=y', long, false],
      ['f=/x/', long.slice(1), true],
      ['f=x', [long, 'x'], false],
      ['f=1', Array.from({ length: 1001 }, () => 1), false],
      ['f=1', Array.from({ length: 1000 }, () => 1), true],
      ['f=/x/', Array.from({ length: 5 }, () => long.slice(1)), false],
    ]);
  });

  test('is matched at once by a regex that would hang a backtracking engine', () => {
    const text = 'a'.repeat(4096);
    for (const pattern of ['(a+)+$', '(a|a)*b', '(a|aa)+$', '(.*a){12}b', '^(([a-z])+.)+[A-Z]([a-z])+$']) {
      factMatches(`f=/${pattern}/`, { f: `${text.slice(1)}!` });
    }
  });
});

describe('splitting a fact’s term', () => {
  test('happens at the right-most operator', () => {
    const facts = { 'a=b': 'c', url: 'x', 'http://h?a': '1', 'a>b': '3', 'a =': 1 };
    assert.ok(factMatches('a=b=c', facts));
    assert.ok(factMatches('http://h?a=1', facts));
    assert.ok(factMatches('a>b<4', facts));
    assert.ok(factMatches('a>b=>3', facts));
    assert.ok(!factMatches('url=x=y', facts));
  });

  test('leaves the operators within a /regex/ alone', () => {
    assert.ok(factMatches('f=/a=b/', { f: 'xa=by' }));
    assert.ok(factMatches('f=~/a>=b/', { f: 'a>=b' }));
    assert.ok(factMatches('a=b=/c=d/', { 'a=b': 'c=d' }));
    assert.ok(factMatches('f!=/a=b/', { f: 'a' }));
    assert.ok(factMatches('f=/a=/b/', { f: 'a=/b' }));
  });

  test('treats slashes elsewhere as text', () => {
    assert.ok(factMatches('f=/', { f: '/' }));
    assert.ok(factMatches('f=/usr/bin', { f: '/USR/bin' }));
    assert.ok(factMatches('f=usr/', { f: 'usr/' }));
  });

  test('ignores spaces around name, operator and value', () => {
    assert.ok(factMatches('  f  >=  7  ', { f: 7 }));
    assert.ok(factMatches('two words = some value', { 'two words': 'some value' }));
    assert.ok(factMatches('f=!x', { f: '!x' }));
  });
});
