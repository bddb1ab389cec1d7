import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RE2JS } from 're2js';
import { boundedCompiler, compilePattern, longestText } from '../../../../src/core/filter/pattern.ts';
import { patternCost } from '../../../../src/core/filter/pattern-cost.ts';
import { thrownBy } from '../../../support/thrown.ts';

describe('a regex from outside', () => {
  test('is unanchored and case-sensitive', () => {
    const matches = compilePattern('b+');
    assert.ok(matches('abbc'));
    assert.ok(!matches('aBc'));
    assert.ok(compilePattern('(?i)b+')('aBc'));
  });

  test('has ^ and $ at the very ends of the text', () => {
    assert.ok(!compilePattern('^root$')('root\n'));
    assert.ok(!compilePattern('^root$')('x\nroot'));
    assert.ok(!compilePattern('^a.b$')('a\nb'));
  });

  test('is refused if it is malformed, empty, or needs backtracking', () => {
    for (const source of [
      '',
      '(',
      '[',
      '*',
      'a**',
      '\\',
      'a{3,2}',
      '(a)\\1',
      '(?=a)',
      '(?<!a)b',
      '[z-a]',
      '\\p{Nope}',
    ]) {
      assert.equal(thrownBy(() => compilePattern(source)).code, 'bad-pattern', source);
    }
  });

  test('is refused if it is long, deep or costly', () => {
    const costly = [
      'x'.repeat(257),
      'x{501}',
      '(x{30}){30}',
      '((x{10}){10}){10}',
      '.{0,100}.{0,100}.{0,100}',
      '(?:(?:x{9}){9}){9}',
      '\\pL'.repeat(80),
      '[\\pL]{100}',
      '([)]x{100}){100}',
      '(\\Q)\\Ex{100}){100}',
      '([]()]{30}){30}',
      'x{99999999999999999999}',
    ];
    for (const source of costly) assert.equal(thrownBy(() => compilePattern(source)).code, 'bad-pattern', source);
    compilePattern('('.repeat(128) + ')'.repeat(128));
  });

  test('may be as long as common ones', () => {
    assert.ok(compilePattern('^\\d{1,3}(\\.\\d{1,3}){3}$')('10.0.0.12'));
    assert.ok(compilePattern('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')('0b1e0c1a-7f4e-4d8e-9d5c-0123456789ab'));
    assert.ok(compilePattern('^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$')('rip@devco.net'));
    assert.ok(compilePattern('^cert=(rip|joe)@devco\\.net$')('cert=rip@devco.net'));
    assert.ok(compilePattern('\\x{1F42E}')('🐮'));
  });

  test('is not matched against a text longer than the limit', () => {
    assert.ok(compilePattern('x$')('x'.repeat(longestText)));
    assert.ok(!compilePattern('x$')('x'.repeat(longestText + 1)));
  });

  test('is refused with others if they cost too much together', () => {
    const compile = boundedCompiler(600);
    compile('x{400}');
    assert.equal(thrownBy(() => compile('x{400}')).code, 'bad-pattern');
  });
});

test('the estimated cost is not far below that of the compiled program', () => {
  const sources = [
    'a',
    'abc|de?f*',
    '(a|b)+',
    'x{100}',
    'x{2,40}',
    'x{3,}',
    '(x?){50}',
    '(.{0,10}){20}',
    '((ab){5}){5}',
    '[a-z()]{20}',
    '[])(]{20}',
    '[^]a]{20}',
    '[[:alpha:])]{20}',
    '(?:a|[(])b{10}',
    '\\(x{20}\\)',
    '\\Q(((\\Ex{20}',
    '(?P<n>a{3}){9}',
    '(?i:ab){20}',
    '\\b(\\Bx){30}',
    '\\x{41}{20}',
    '\\pL{40}',
    '(?:x|y)*x(?:x|y){30}',
    '()'.repeat(20),
    '^{9}a',
    '(?s).{0,40}$',
  ];
  for (const source of sources) {
    const program = RE2JS.compile(source).programSize();
    assert.ok(
      program <= 2 * patternCost(source) + 4,
      `${source}: ${program} instructions, estimate ${patternCost(source)}`,
    );
  }
});

test('the estimate counts what comes before an unclosed parenthesis', () => {
  assert.ok(patternCost('x{400}(y{400}') >= 800);
});
