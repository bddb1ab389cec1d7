import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hideSecrets, reasonsToKeep, repeatsSecret, replyToKeep } from '../../../../src/playbook/call/reasons.ts';
import type { RunContext } from '../../../../src/playbook/context.ts';

const taint = (texts: readonly string[], brief: readonly string[] = []) =>
  ({
    texts: new Map(texts.map((text) => [text, 'password'])),
    brief: new Map(brief.map((text) => [text, 'pin'])),
  }) as unknown as RunContext['taint'];
const open = { seen: false };

describe('a text without secrets', () => {
  test('has each of them hidden, wherever and however often it appears', () => {
    assert.equal(hideSecrets('a hunter2 b hunter2', taint(['hunter2'])), 'a (hidden) b (hidden)');
    assert.equal(hideSecrets('pin 07 of 7', taint([], ['07'])), 'pin (hidden) of 7');
    assert.equal(hideSecrets('nothing', taint(['hunter2'])), 'nothing');
    assert.equal(hideSecrets('as it is', taint([])), 'as it is');
  });

  test('has the longer one hidden as a whole if one is part of the other', () => {
    for (const secrets of [
      ['abc', 'abcdef'],
      ['abcdef', 'abc'],
    ])
      assert.equal(hideSecrets('abcdef abc', taint(secrets)), '(hidden) (hidden)');
  });

  test('treats a secret literally, whatever characters it has', () => {
    for (const secret of ['a.b', '(x', '[y]', 'a|b', '$^', '\\d', '{2}', 'a+*?'])
      assert.equal(hideSecrets(`- ${secret} -`, taint([secret])), '- (hidden) -', secret);
    assert.equal(hideSecrets('axb', taint(['a.b'])), 'axb');
  });
});

describe('the reasons of a failure', () => {
  const keep = (reason: string, secrets: readonly string[] = [], seen = false) =>
    reasonsToKeep([{ node: 'a', code: 'x', reason }], { taint: taint(secrets), sensitiveOutput: { seen } })[0];

  test('are kept unchanged, up to 2000 characters', () => {
    assert.deepEqual(keep('it is broken'), { node: 'a', code: 'x', reason: 'it is broken' });
    assert.equal(keep('x'.repeat(2000))?.reason.length, 2000);
    assert.equal(keep('x'.repeat(2001))?.reason.length, 2000);
  });

  test('are hidden completely if they repeat a secret, or may repeat a sensitive output', () => {
    assert.equal(keep('no hunter2 here', ['hunter2'])?.reason, '(hidden)');
    assert.equal(keep('nothing', ['hunter2'])?.reason, 'nothing');
    assert.equal(keep('nothing', [], true)?.reason, '(hidden)');
  });
});

describe('the reply of a node', () => {
  const keep = (message: string, data: object, secrets: readonly string[], brief: readonly string[] = []) =>
    replyToKeep({ message, data: data as never }, { taint: taint(secrets, brief), sensitiveOutput: open });

  test('is kept without secrets: in texts, lists, objects and the names in them', () => {
    const data = { text: 'is hunter2', list: ['hunter2', 7, null, { deep: 'hunter2' }], hunter2: true, number: 1 };
    assert.deepEqual(keep('it is hunter2', data, ['hunter2']), {
      message: '(hidden)',
      data: { text: 'is (hidden)', list: ['(hidden)', 7, null, { deep: '(hidden)' }], '(hidden)': true, number: 1 },
    });
    assert.deepEqual(keep('ok', { pin: '07' }, [], ['07']), { message: 'ok', data: { pin: '(hidden)' } });
  });

  test('is kept unchanged if there is no secret, and an empty message stays empty', () => {
    const data = { list: [1, 'x'], deep: { a: null } };
    assert.deepEqual(keep('fine', data, []), { message: 'fine', data });
    assert.deepEqual(keep('', {}, ['hunter2']), { message: '', data: {} });
    const told = replyToKeep({ message: '', data: {} }, { taint: taint([]), sensitiveOutput: { seen: true } });
    assert.equal(told.message, '', 'nothing is hidden where nothing was said');
  });
});

test('a value repeats a secret if any text in it does', () => {
  const secrets = taint(['hun"ter']);
  for (const value of ['a hun"ter', { list: [{ text: 'hun"ter' }] }, { 'hun"ter': 1 }])
    assert.equal(repeatsSecret(value, secrets), true, JSON.stringify(value));
  for (const value of ['hunter', { list: [{ text: '' }, 7, null] }, undefined])
    assert.equal(repeatsSecret(value, secrets), false);
});
