import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isEncrypted, parsePrivateKey } from '../../src/ca/private-key.ts';
import { type CaCli, makeCaCli } from '../support/ca-cli.ts';

interface Answer {
  /** What the terminal shows before the answer is typed. */
  readonly when: string;
  readonly type: string;
}

/** Runs a command on a real terminal (util-linux’ script makes one) and types the answers as they are asked for. */
async function onTerminal(ca: CaCli, args: readonly string[], answers: readonly Answer[]) {
  const command = [...ca.argv, ...args].map((word) => `'${word}'`).join(' ');
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { cwd: ca.dir, env: ca.env });
  const left = [...answers];
  let shown = '';
  let seen = 0;
  terminal.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
    const [next] = left;
    const at = next === undefined ? -1 : shown.indexOf(next.when, seen);
    if (next === undefined || at < 0) return;
    seen = at + next.when.length;
    left.shift();
    terminal.stdin.write(next.type);
  });
  const [code] = (await once(terminal, 'close')) as [number];
  return { code, shown };
}

describe('on a terminal', () => {
  test('asks twice for a new passphrase, never shows it, and encrypts the key with it', async () => {
    await using ca = await makeCaCli();
    const made = await onTerminal(
      ca,
      ['ca', 'init', '--realm', 'devco.net', '--encrypt'],
      [
        { when: 'new passphrase', type: 'secrex\x7ft\r' },
        { when: 'the same again', type: 'secret\r' },
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

  test('makes no CA when the two passphrases differ, or Ctrl-C is typed', async () => {
    await using ca = await makeCaCli();
    const init = ['ca', 'init', '--realm', 'devco.net', '--encrypt'];
    const differ = await onTerminal(ca, init, [
      { when: 'new passphrase', type: 'one\r' },
      { when: 'the same again', type: 'two\r' },
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
