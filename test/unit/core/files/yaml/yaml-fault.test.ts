import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDocument } from 'yaml';
import { Problem } from '../../../../../src/core/errors.ts';
import { parseDocumentText } from '../../../../../src/core/files/yaml/document.ts';
import { faultOfYaml } from '../../../../../src/core/files/yaml/yaml-fault.ts';
import { parseYaml } from '../../../../../src/daemon/facts/yaml-facts.ts';
import { parseOtherText } from '../../../../../src/discovery/file/text.ts';

/** What people type, where the fault is (line:column), and what is said about it. */
const mistakes: readonly (readonly [text: string, at: string, message: RegExp])[] = [
  ['a:\n\tb: 1\n', '2:1', /a tab .*indent with spaces/],
  ['a: "abc\nb: 1\n', '1:4', /the " here is not closed by another "/],
  ["a: 1\nb: 'abc\nc: 1\n", '2:4', /the ' here is not closed by another '/],
  ['a: { b: 1\nc: 2\n', '1:4', /“\{” here is not closed by “\}”/],
  ['a: [1, 2\nb: 3\n', '1:4', /“\[” here is not closed by “\]”/],
  ['{"a": [1, {"b": 2}', '1:7', /“\[” here is not closed by “\]”/],
  ['b: {}\na: {b: {c: 1}\n', '2:4', /“\{” here is not closed by “\}”/],
  ['a: {b: 1}}\n', '1:10', /“\}” is not expected here/],
  ['a:\n  b: 1\n   c: 2\n', '3:4', /indented further/],
  ['a:\n    b: 1\n  c: 2\n', '3:1', /not indented like the keys before it/],
  ['a: 1\nb\n', '2:1', /“:” is missing after “b”/],
  ['a:1\nb: 2\n', '1:1', /a space follows the colon/],
  ['a: @foo\n', '1:4', /cannot begin with “@”: put it in quotes/],
  ['a: `foo`\n', '1:4', /cannot begin with “`”: put it in quotes/],
  ['a: %foo\n', '1:4', /cannot begin with “%”: put it in quotes/],
  ['a: *.pem\n', '1:4', /“\*\.pem” stands for the value that “&\.pem” marks.*quotes/],
  ['a: & b\n', '1:4', /“&” .*quotes/],
  ['a: !foo b\n', '1:4', /“!foo” is a tag.*quotes/],
  ['a: b: c\n', '1:4', /this value has “: ” in it: put it in quotes/],
  ['a: "C:\\dir"\n', '1:7', /written twice.*single quotes/],
  ['a: 1\n---\nb: 2\n', '2:1', /a second document/],
  ['a: 1\n- b\n', '2:1', /a list begins below a key/],
  ['<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> x\n', '1:1', /“<<<<<<<” marks a conflict of git/],
  ['a: "b" c\n', '1:8', /“c” may not follow here/],
  ["a: 'it's'\n", '1:8', /“s'” may not follow here/],
  ['a: {b: {c: 1}}, d: 2}\n', '1:15', /“,” may not follow here: a bracket before it closes too much/],
  ['a: {b: 1 c: 2}\n', '1:8', /a “,” is missing before this, or/],
  ['a: [1,, 2]\n', '1:7', /a “,” is here without a value/],
  ['a: {{ x }}\n', '1:5', /needs quotes/],
  ['a: 1\na: 2\n', '2:1', /the key “a” occurs twice/],
  ['a: |x\n  foo\n', '1:5', /the text begins in the next one/],
  ["g: 'h'#i\n", '1:7', /a space is missing before “#”/],
  [`${'x'.repeat(1100)}: 1\n`, '1:1', /more than 1024 characters/],
  ['%FOO\n---\na: 1\n', '1:1', /begins with “%”/],
  ['a: &x &y b\n', '1:7', /not YAML: check/],
];

/** Words of the parser that no operator says. */
const jargon = /implicit|scalar|flow|collection|compact|mapping|anchor|parseAll|token|undefined|node end|sequence/i;

function faultIn(text: string): string {
  const problem = (() => {
    try {
      parseDocumentText(text, 'F', 'configuration', 'any', { type: 'object' });
      return undefined;
    } catch (error) {
      return error;
    }
  })();
  assert.ok(problem instanceof Problem, text);
  return problem.message;
}

describe('a fault of YAML', () => {
  for (const [text, at, message] of mistakes) {
    test(`is in plain words at its place: ${JSON.stringify(text).slice(0, 40)}`, () => {
      const found = faultIn(text);
      assert.ok(found.startsWith(`F:${at}: `), found);
      assert.match(found, message);
      assert.doesNotMatch(found, jargon);
      assert.doesNotMatch(found, /\n/);
    });
  }

  test('an empty file is not one with every default', () => {
    for (const text of ['', ' \n\n'])
      assert.throws(() => parseDocumentText(text, 'F', 'configuration', 'any', { type: 'object' }), {
        code: 'bad-configuration',
        message: 'F:1:1: the configuration is empty',
        hint: 'write {} to take every default',
      });
    const needy = { type: 'object', required: ['hosts'], properties: { hosts: {} } };
    assert.throws(() => parseDocumentText('', 'F', 'configuration', 'needy', needy), {
      code: 'bad-configuration',
      hint: '',
    });
    for (const text of ['{}', '# as shipped\n'])
      assert.deepEqual(parseDocumentText(text, 'F', 'configuration', 'any', { type: 'object' }).value, {});
  });

  test('is so in a list of nodes', () => {
    assert.throws(() => parseOtherText('nodes: *web\n', 'nodes.yaml', 'file'), {
      code: 'bad-nodes',
      message: /^nodes\.yaml:1: “\*web” stands for/,
    });
    assert.throws(() => parseOtherText('nodes:\n- a: b: c\n', 'nodes.yaml', 'file'), {
      message: /^nodes\.yaml:2: this value has “: ” in it/,
    });
  });

  test('is so in facts, with its line', () => {
    assert.throws(() => parseYaml('a: 1\nb: "x\n'), { message: /^line 2: the " here is not closed/ });
  });

  test('is none in what is right, also with a value that is marked and used', () => {
    const text = 'a: &x [1]\nb: *x\nc: "{{ x }}"\n';
    assert.equal(faultOfYaml(parseDocument(text, { stringKeys: true }), text), undefined);
  });
});
