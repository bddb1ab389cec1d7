import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Problem } from '../../../src/core/errors.ts';
import { evaluateScript } from '../../../src/puppet/evaluator/evaluate.ts';
import { parseScript } from '../../../src/puppet/parser/parse.ts';
import { readScript } from '../../../src/puppet/script.ts';
import { holds, reached } from '../../support/property/property.ts';
import {
  grammaticalScript,
  mutatedScript,
  quotedText,
  randomScript,
  rightScript,
} from '../../support/property/script-arbitraries.ts';
import { catalogue } from '../../support/puppet/run-script.ts';
import { thrownBy } from '../../support/thrown.ts';

// A failure prints the seed and the path that repeat it.

/** It is evaluated, waits for the fleet, or is refused with its place; nothing else may come of it. */
function isJudged(text: string): void {
  const source = { file: 'any.mc', text };
  const given = { inputs: new Map([['a', '1']]), facts: new Map(), agentNames: new Map(), answers: new Map() };
  try {
    const { statements } = readScript(source, catalogue);
    reached();
    evaluateScript({ source, statements }, given);
  } catch (error) {
    assert.ok(error instanceof Problem, String(error instanceof Error ? error.stack : error));
    assert.ok(['bad-script', 'script-failed'].includes(error.code), error.code);
    if (error.code === 'bad-script') assert.match(error.message, /^[^:]+:\d+:\d+: \S/);
  }
}

describe('random scripts', () => {
  test('are evaluated or refused with their position, as pieces of the language in any order', () => {
    holds(fc.property(fc.oneof(randomScript, grammaticalScript), isJudged));
  });

  test('are evaluated or refused with their position, as mutations of valid scripts', () => {
    holds(fc.property(fc.oneof(mutatedScript, rightScript, grammaticalScript), isJudged));
  });

  test('are evaluated or refused with their position, as text of any kind', () => {
    holds(fc.property(fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), quotedText, quotedText), isJudged));
  });
});

describe('a script that would exhaust its machine', () => {
  const refused = (text: string, sentence: RegExp) => {
    const source = { file: 'big.mc', text };
    const given = { inputs: new Map(), facts: new Map(), agentNames: new Map(), answers: new Map() };
    const problem = thrownBy(() => evaluateScript({ source, statements: parseScript(source) }, given));
    assert.equal(problem.code, 'bad-script');
    assert.match(problem.message, sentence);
  };
  const doubled = (first: string, next: (before: string) => string) =>
    [`$v0 = ${first}`, ...Array.from({ length: 60 }, (_, index) => `$v${index + 1} = ${next(`$v${index}`)}`)].join(
      '\n',
    );

  test('is refused for its length', () => refused(`# ${'x'.repeat(300_000)}`, /longer than 256 KiB/));
  test('is refused for parentheses', () =>
    refused(`notice(${'('.repeat(5000)}1${')'.repeat(5000)})`, /nested deeper than 64/));
  test('is refused for lists', () =>
    refused(`notice(${'['.repeat(5000)}${']'.repeat(5000)})`, /nested deeper than 64/));
  test('is refused for blocks', () =>
    refused(`${'if true { '.repeat(5000)}${'}'.repeat(5000)}`, /nested deeper than 64/));
  test('is refused for nots', () => refused(`notice(${'!'.repeat(50_000)}true)`, /nested deeper than 64/));
  test('is refused for operators', () => refused(`notice(1${' + 1'.repeat(50_000)})`, /more than 500 operators/));
  test('is refused for strings in strings', () => refused(`notice(${'"a${'.repeat(1000)}`, /nested deeper than/));
  test('is refused for texts that grow', () =>
    refused(
      doubled('"ab"', (before) => `"\${${before.slice(1)}}\${${before.slice(1)}}"`),
      /a text grows beyond/,
    ));
  test('is refused for lists that grow', () =>
    refused(
      doubled('[1, 2]', (before) => `${before} + ${before}`),
      /a list grows beyond/,
    ));
  test('is refused for lists of lists that grow', () =>
    refused(`${doubled('[1, 2]', (before) => `[${before}, ${before}]`)}\nnotice(size(flatten($v60)))`, /steps|grows/));
  test('is refused for text of lists that grow', () =>
    refused(`${doubled('[1, 2]', (before) => `[${before}, ${before}]`)}\nnotice("\${v60}")`, /steps|grows/));
  test('is refused for ranges', () => refused('notice(range(1, 100000000))', /more than \d+ members/));
  test('is refused for defines that declare themselves', () =>
    refused('define a() { a { "$name-x": } } a { "x": }', /more than 64 deep/));
  test('is refused for defines that multiply', () =>
    refused('define a() { a { ["$name-x", "$name-y"]: } } a { "x": }', /resources|steps|deep/));
  test('is refused for classes that include each other', () => {
    const classes = Array.from({ length: 200 }, (_, index) => `class c${index} { include c${index + 1} }`);
    refused(`${classes.join('\n')}\nclass c200 { }\ninclude c0`, /more than 64 deep/);
  });
  test('is refused for many resources', () =>
    refused('define a() { }\na { range(1, 20000): }', /more than 10000 resources|title/));
  test('is refused for an expensive regex', () =>
    refused("notice('a' =~ /(((a{1,100}){1,100}){1,100})/)", /too costly|malformed/));
});
