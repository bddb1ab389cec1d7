import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { noFilter, parseFilter } from '../../../../src/core/filter/filter.ts';
import type { FilterTerms } from '../../../../src/core/wire/messages.ts';
import { terms } from '../../../support/property/filter.ts';
import { thrownBy } from '../../../support/thrown.ts';

/** Checks that the terms are refused and that the caret stands under the sign given, at that offset of the shown text. */
function refuses(some: Partial<FilterTerms>, caretAt: number, words: RegExp): void {
  const problem = thrownBy(() => parseFilter(terms(some)));
  const [message = '', text = '', caret = ''] = problem.message.split('\n');
  const what = `${JSON.stringify(some)}:\n${problem.message}`;
  assert.equal(problem.code, 'bad-filter', what);
  assert.match(message, words, what);
  assert.equal(caret.indexOf('^'), caretAt + 2, what);
  assert.ok(text.length <= 64 && problem.message.split('\n').length === 3, what);
}

describe('a malformed term', () => {
  test('is refused with a caret under the fault of a fact', () => {
    refuses({ facts: [''] }, 0, /needs an operator/);
    refuses({ facts: ['cluster'] }, 7, /needs an operator/);
    refuses({ facts: ['cluster='] }, 8, /value is missing/);
    refuses({ facts: ['=alfa'] }, 0, /name is missing/);
    refuses({ facts: ['a<>b'] }, 1, /no such operator/);
    refuses({ facts: ['a===b'] }, 1, /no such operator/);
    refuses({ facts: ['a~=b'] }, 1, /no such operator/);
    refuses({ facts: ['a!b'] }, 3, /needs an operator/);
    refuses({ facts: ['a</x/'] }, 1, /can’t be compared by </);
    refuses({ facts: ['a=/(x/'] }, 3, /malformed: missing closing \)/);
    refuses({ facts: ['a=~x{2000}'] }, 3, /too costly/);
    refuses({ facts: ['a=//'] }, 3, /regex is empty/);
    refuses({ facts: ['f=1', `${'n'.repeat(300)}=1`] }, 0, /at most 256/);
  });

  test('is refused with how to write what it looks like: a regex, several names', () => {
    const hintOf = (name: string) => thrownBy(() => parseFilter(terms({ identities: [name] }))).hint;
    for (const name of ['dev[0-9]', 'web*', 'a|b']) assert.match(hintOf(name), /between slashes, such as \/\^web\/$/);
    assert.equal(hintOf('dev1,dev2'), 'give the option once for each name');
    assert.equal(hintOf('a b'), '');
  });

  test('is refused with a caret under the fault of a class, an agent or an identity', () => {
    refuses({ classes: [''] }, 0, /class is missing/);
    refuses({ classes: ['/web'] }, 0, /no closing slash/);
    refuses({ classes: ['/'] }, 0, /no closing slash/);
    refuses({ classes: ['/[/'] }, 1, /malformed/);
    refuses({ classes: ['two words'] }, 3, /name of a class/);
    refuses({ classes: ['a=b'] }, 1, /name of a class/);
    refuses({ agents: ['ap*'] }, 2, /name of an agent/);
    refuses({ identities: ['dev1,dev2'] }, 4, /name of an identity/);
    refuses({ identities: ['-x'] }, 0, /name of an identity/);
    refuses({ identities: ['/(?=x)/'] }, 1, /malformed/);
    refuses({ agents: ['a'.repeat(257)] }, 0, /at most 256/);
  });

  test('is refused with a caret under the fault of the shorthand', () => {
    refuses({ with: [' '] }, 1, /is missing/);
    refuses({ with: ['web and db'] }, 4, /compound/);
    refuses({ with: ['web (db)'] }, 4, /compound/);
    refuses({ with: ['web cluster='] }, 12, /value is missing/);
    refuses({ with: ['web /x{900}/'] }, 5, /too costly/);
  });

  test('is refused with a caret under the fault of a compound expression', () => {
    refuses({ select: ' ' }, 1, /is missing/);
    refuses({ select: 'web and' }, 7, /is missing/);
    refuses({ select: 'and web' }, 0, /is missing/);
    refuses({ select: 'web db' }, 4, /“and” or “or”/);
    refuses({ select: '(web or db' }, 10, /“\)”/);
    refuses({ select: 'web)' }, 3, /no “\(”/);
    refuses({ select: '()' }, 1, /is missing/);
    refuses({ select: 'not' }, 3, /is missing/);
    refuses({ select: 'web or not and' }, 11, /is missing/);
    refuses({ select: "fstat('/etc/hosts').md5=/x/" }, 5, /no functions/);
    refuses({ select: 'a = b' }, 2, /without spaces/);
    refuses({ select: 'web and a != b' }, 10, /without spaces/);
    refuses({ select: 'f="a b' }, 2, /quotation mark is not closed/);
    refuses({ select: 'f="a"b' }, 5, /after the quotation mark/);
    refuses({ select: 'web and /(x/' }, 9, /malformed/);
    refuses({ select: 'system`id`' }, 6, /name of a class/);
    refuses({ select: 'a;b' }, 1, /name of a class/);
  });
});

describe('the excerpt of a term', () => {
  test('shows the text around the fault if the term is long', () => {
    const select = `${'web and '.repeat(100)}%%% ${'and web '.repeat(100)}`;
    const { message } = thrownBy(() => parseFilter(terms({ select })));
    const [, text = '', caret = ''] = message.split('\n');
    assert.equal(text.at(caret.indexOf('^')), '%');
    assert.ok(text.startsWith('  …') && text.endsWith('…') && text.length <= 64, text);
  });

  test('has no character that moves a terminal’s cursor', () => {
    const { message } = thrownBy(() => parseFilter(terms({ classes: ['\u001b[2J\u202e\r\n\u0007x\u2028y'] })));
    assert.match(message, /^[^\p{C}\u2028]*\n[^\p{C}\u2028]*\n *\^$/u);
  });

  test('keeps the caret in place after characters of two units', () => {
    const { message } = thrownBy(() => parseFilter(terms({ facts: ['𝒳𝒳'] })));
    assert.equal(message.split('\n')[2], '    ^');
  });
});

describe('the limits of a filter', () => {
  test('include the length of a term and of an expression', () => {
    refuses({ facts: [`f=${'x'.repeat(1023)}`] }, 60, /at most 1024/);
    refuses({ select: `${'web or '.repeat(700)}web` }, 31, /longer than 4096/);
    parseFilter(terms({ facts: [`f=${'x'.repeat(1022)}`] }));
  });

  test('include the number of terms', () => {
    const tooMany = Array.from({ length: 257 }, (_, index) => `c${index}`);
    assert.equal(thrownBy(() => parseFilter(terms({ classes: tooMany }))).code, 'bad-filter');
    const nodes = Array.from({ length: 10_001 }, (_, index) => `dev${index}`);
    assert.equal(thrownBy(() => parseFilter(terms({ identities: nodes }))).code, 'bad-filter');
    parseFilter(terms({ classes: tooMany.slice(1), identities: nodes.slice(1) }));
  });

  test('include the depth of an expression', () => {
    parseFilter(terms({ select: `${'('.repeat(32)}web${')'.repeat(32)}` }));
    parseFilter(terms({ select: `${'!'.repeat(32)}web` }));
    refuses({ select: `${'('.repeat(33)}web${')'.repeat(33)}` }, 31, /deeper than 32/);
    refuses({ select: `${'not '.repeat(33)}web` }, 58, /deeper than 32/);
    refuses({ select: '('.repeat(4000) }, 31, /more than 1024 parts/);
  });

  test('include the total cost of its regexes', () => {
    const costly = Array.from({ length: 5 }, (_, index) => `/x{400}${index}/`);
    assert.match(thrownBy(() => parseFilter(terms({ classes: costly }))).message, /too costly together/);
    const many = Array.from({ length: 200 }, (_, index) => `/x${index}/`);
    assert.match(thrownBy(() => parseFilter(terms({ classes: many }))).message, /too costly together/);
    parseFilter(terms({ classes: costly.slice(1) }));
  });
});

test('the empty filter is frozen', () => {
  assert.ok(Object.isFrozen(noFilter) && Object.isFrozen(noFilter.facts) && Object.isFrozen(noFilter.identities));
});
