// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the sources that are scanned look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { commentsIn, proseOf, textsIn } from '../../../build/texts.ts';

const texts = (source: string) => textsIn(source).map(({ text }) => text);

describe('the texts of a source', () => {
  test('are its string literals, with their lines', () => {
    assert.deepEqual(textsIn(`const a = 'one';\nconst b = "two";`), [
      { line: 1, text: 'one' },
      { line: 2, text: 'two' },
    ]);
  });

  test('do not include its comments', () => {
    assert.deepEqual(texts(`// it's a comment\nconst a = 'text'; /* "another" */`), ['text']);
  });

  test('are the parts of a template, and the strings in its code', () => {
    assert.deepEqual(texts('const a = `one ${b({ c: "two" })} three ${`four ${d}`}`;'), [
      'one ',
      'two',
      ' three ',
      'four ',
    ]);
  });

  test('include strings after a regular expression with quotes in it', () => {
    assert.deepEqual(texts(`const a = /['"]/.test(b); const c = 'text';`), ['text']);
  });

  test('include strings after a division operator', () => {
    assert.deepEqual(texts(`const a = b / 2; const c = 'text' + d / e;`), ['text']);
  });

  test('have their escapes undone', () => {
    assert.deepEqual(texts(String.raw`const a = 'it\'s';`), ["it's"]);
  });
});

describe('the comments of a source', () => {
  test('are its lines of both kinds, without their marks', () => {
    assert.deepEqual(commentsIn("/**\n * One\n * two.\n */\nconst a = '// text'; // three\n/* four */"), [
      { line: 1, text: '' },
      { line: 2, text: 'One' },
      { line: 3, text: 'two.' },
      { line: 4, text: '' },
      { line: 5, text: 'three' },
      { line: 6, text: 'four' },
    ]);
  });

  test('are found within a template, after a regular expression and at the end of the file', () => {
    const source = 'const a = `// text ${b /* one */} ${c}`; const d = /\\/*"/; // two\n// three';
    assert.deepEqual(
      commentsIn(source).map(({ text }) => text),
      ['one', 'two', 'three'],
    );
  });
});

test('the prose of a page is the text outside of its code blocks', () => {
  assert.deepEqual(proseOf('one\n```\ntold\n```\ntwo'), [
    { line: 1, text: 'one' },
    { line: 5, text: 'two' },
  ]);
});
