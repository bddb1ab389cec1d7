import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isEncrypted, parsePrivateKey } from '../../../src/ca/x509/private-key.ts';
import { type CaCli, makeCaCli } from '../../support/program/ca-cli.ts';
import { type Answer, onTerminal as typeOnTerminal } from '../../support/program/on-terminal.ts';

function onTerminal({ argv, dir, env }: CaCli, words: readonly string[], answers: readonly Answer[]) {
  return typeOnTerminal([...argv, ...words], { cwd: dir, env }, answers);
}

describe('a CA command on a terminal', () => {
  test('asks twice for a new passphrase, never shows it, and encrypts the key with it', async () => {
    await using ca = await makeCaCli();
    const made = await onTerminal(
      ca,
      ['ca', 'init', '--realm', 'devco.net', '--encrypt'],
      [
        { when: 'new passphrase', type: 'secrex\x7ft\r' },
        { when: 'type it again', type: 'secret\r' },
      ],
    );
    assert.equal(made.code, 0, made.shown);
    assert.equal(made.shown.includes('secre'), false);
    const pem = await readFile(join(ca.dir, 'data/mco-deploy/ca/ca.key'), 'utf8');
    assert.equal(isEncrypted(pem), true);
    assert.equal(parsePrivateKey(pem, 'secret', 'ca.key').type, 'private');
    const opened = await onTerminal(ca, ['ca', 'issue', 'node', 'dev1'], [{ when: 'passphrase of', type: 'secret\r' }]);
    assert.equal(opened.code, 0, opened.shown);
    const refused = await onTerminal(ca, ['ca', 'issue', 'node', 'dev2'], [{ when: 'passphrase of', type: 'wrong\r' }]);
    assert.equal(refused.code, 64);
    assert.match(refused.shown, /bad-passphrase/);
  });

  test('creates no CA if the two passphrases differ, or Ctrl-C is typed', async () => {
    await using ca = await makeCaCli();
    const init = ['ca', 'init', '--realm', 'devco.net', '--encrypt'];
    const differ = await onTerminal(ca, init, [
      { when: 'new passphrase', type: 'one\r' },
      { when: 'type it again', type: 'two\r' },
    ]);
    assert.match(differ.shown, /bad-passphrase: the two passphrases differ/);
    const stopped = await onTerminal(ca, init, [{ when: 'new passphrase', type: 'one\x03' }]);
    assert.match(stopped.shown, /cancelled: /);
    assert.match((await ca.run(['ca', 'list'])).err, /^no-ca: /);
  });

  test('signs a request only when a person says that the fingerprints are the same', async () => {
    await using ca = await makeCaCli();
    assert.equal((await ca.run(['ca', 'init', '--realm', 'devco.net'])).code, 0);
    assert.equal((await ca.run(['enroll', 'dev1', '--out', 'host'])).code, 0);
    const sign = (answer: string) =>
      onTerminal(
        ca,
        ['ca', 'sign', 'host/node.csr', 'node', 'dev1', '--out', 'host'],
        [{ when: 'Type yes', type: answer }],
      );
    assert.match((await sign('y\r')).shown, /not-confirmed/);
    assert.equal((await ca.run(['ca', 'list', '--all', '--json'])).out, '[]\n');
    const signed = await sign('yes\r');
    assert.equal(signed.code, 0, signed.shown);
    assert.match(signed.shown, /signed mco:\/\/devco.net\/node\/dev1/);
  });
});
