import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { escapeCiCommands } from '../../../../src/client/cli/io/ci-commands.ts';

const inJob = escapeCiCommands({ GITHUB_ACTIONS: 'true' });

describe('text of nodes in a job of a CI system', () => {
  for (const [text, shown] of [
    ['::set-output name=sha::x', '\\u003a:set-output name=sha::x'],
    [
      'dev1: fine\n \t\u00a0::ADD-MASK::a\n::error file=a.js,line=1::b',
      'dev1: fine\n \t\u00a0\\u003a:ADD-MASK::a\n\\u003a:error file=a.js,line=1::b',
    ],
    ['dev1: ##[set-output name=sha]x', 'dev1: \\u0023#[set-output name=sha]x'],
    ['##vso[task.prependpath]/tmp ##VSO[x]', '\\u0023#vso[task.prependpath]/tmp \\u0023#VSO[x]'],
    ["a ##teamcity[setParameter name='a']", "a \\u0023#teamcity[setParameter name='a']"],
    ['###[a]', '#\\u0023#[a]'],
  ] as const) {
    test(`begins no command: ${JSON.stringify(text)}`, () => {
      assert.equal(inJob(text), shown);
    });
  }

  test('is unchanged if it begins none, and is the same after JSON', () => {
    for (const text of ['::1', '::ffff:10.0.0.1 dev1', 'a ::error::b', '## Heading', 'C::a::b', '::a\n::'])
      assert.equal(inJob(text), text);
    const hostile = ['##[a]', '::a::', '##vso[a]'];
    assert.deepEqual(JSON.parse(inJob(JSON.stringify(hostile, null, 2))), hostile);
  });

  test('is escaped in a job alone', () => {
    const text = '::error::a ##vso[b]';
    for (const env of [{}, { GITHUB_ACTIONS: '' }, { CI: 'true' }]) assert.equal(escapeCiCommands(env)(text), text);
    for (const name of ['GITHUB_ACTIONS', 'TF_BUILD', 'TEAMCITY_VERSION'])
      assert.equal(escapeCiCommands({ [name]: '1' })(text), '\\u003a:error::a \\u0023#vso[b]');
  });

  test('takes linear time', () => {
    for (const text of [
      ' '.repeat(1e6),
      '\n:'.repeat(5e5),
      ':'.repeat(1e6),
      `${'::a '.repeat(2.5e5)}`,
      '#'.repeat(1e6),
    ])
      inJob(text);
  });
});
