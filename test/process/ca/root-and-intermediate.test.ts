import assert from 'node:assert/strict';
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { pemBlocks } from '../../../src/core/credentials/credentials.ts';
import { openssl } from '../../support/openssl.ts';
import { judge, makeMachines, type Machines } from '../../support/program/ca-machines.ts';

async function textOf(file: string): Promise<string> {
  return (await openssl(['x509', '-in', file, '-noout', '-text'])).output;
}

/** The other of the two CAs that a root has signed. */
async function other({ ca }: Machines, one: string): Promise<string> {
  const names = (await ca('list', '--dir', 'root')).match(/ca-[0-9a-f]{8}/g) ?? [];
  return names.find((name) => name !== one) ?? '';
}

describe('a root and a CA below it', () => {
  test('have different profiles, and openssl verifies a chain of them with only the root', async () => {
    using machines = makeMachines();
    const { at, ca, read } = machines;
    await machines.begin();
    await ca('issue', 'node', 'dev2', '--dir', 'ca', '--out', 'dev2');
    assert.match(await textOf(at('root/ca.crt')), /CA:TRUE, pathlen:1[\s\S]*Certificate Sign, CRL Sign/);
    assert.match(await textOf(at('ca/ca.crt')), /CA:TRUE, pathlen:0[\s\S]*Certificate Sign, CRL Sign/);
    assert.equal(read('dev2', 'ca.crt'), read('root', 'ca.crt'), 'the root alone is trusted');
    const [leaf = '', issuer = '', ...more] = pemBlocks(read('dev2', 'node.crt'));
    assert.deepEqual([more.length, leaf === issuer], [0, false]);
    writeFileSync(at('chain.pem'), issuer);
    const lists = ['-crl_check_all', '-CRLfile', at('dev2/crl.pem')];
    const purposes = ['-purpose', 'sslserver', '-x509_strict', '-untrusted', at('chain.pem')];
    const argv = ['verify', '-CAfile', at('dev2/ca.crt'), ...purposes, ...lists, at('dev2/node.crt')];
    assert.deepEqual(await openssl(argv), { ok: true, output: `${at('dev2/node.crt')}: OK\n` });
    assert.equal((await openssl(['verify', '-CAfile', at('dev2/ca.crt'), at('dev2/node.crt')])).ok, false);
    assert.equal(await judge(machines, 'dev2', 'dev2'), 'dev2');
    assert.match(await ca('show', '--dir', 'root'), /^role +root$/m);
    const shown = await ca('show', '--dir', 'ca');
    assert.match(shown, /^role +intermediate$/m);
    const [, due = ''] = /^root crl due +(.+)$/m.exec(shown) ?? [];
    const days = (Date.parse(due) - Date.now()) / 86_400_000;
    assert.ok(days > 360 && days <= 365, `${days} days`);
    assert.equal(existsSync(at('ca/request.key')), false, 'no second copy of the key is left');
  });

  test('each refuse the other’s work', async () => {
    using machines = makeMachines();
    await machines.begin();
    const { ca, run, at } = machines;
    await ca('init', '--realm', 'devco.net', '--dir', 'another');
    copyFileSync(at('another/ca.crt'), at('other.pem'));
    const refusals: [string[], RegExp][] = [
      [['issue', 'node', 'dev2', '--dir', 'root', '--out', 'dev2'], /this CA is a root: it signs CAs, not nodes/],
      [['sign-intermediate', 'signed.csr', '--dir', 'ca'], /this CA is not a root/],
      [['rollover', '--dir', 'ca'], /this CA is below a root.*ca rollover --intermediate/],
      [['rollover', '--intermediate', '--dir', 'root'], /this CA is a root: no other CA signs it/],
      [['init', '--intermediate', '--realm', 'devco.net', '--dir', 'ca'], /there is a CA in .*rollover --intermediate/],
      [['init', '--root', '--intermediate', '--realm', 'devco.net', '--dir', 'x'], /cannot be combined/],
      [['accept', 'signed.pem', '--dir', 'root'], /this CA is a root: there is no CA above it/],
      [['accept', 'other.pem', '--dir', 'ca'], /no certificate in .* is of a key that this CA has asked for/],
    ];
    for (const [words, message] of refusals) {
      const { code, err } = await run(['ca', ...words]);
      assert.equal(code, 64, words.join(' '));
      assert.match(err, message);
    }
    assert.equal(existsSync(at('dev2')), false);
  });

  test('sign only a request with a compared fingerprint and their own realm', async () => {
    using machines = makeMachines();
    const { ca, run, fingerprintIn } = machines;
    await ca('init', '--root', '--realm', 'devco.net', '--dir', 'root');
    const text = await ca('init', '--intermediate', '--realm', 'other.net', '--dir', 'ca');
    const wrong = await run(['ca', 'sign-intermediate', 'ca/ca.csr', '--fingerprint', 'SHA256:x', '--dir', 'root']);
    assert.match(wrong.err, /not SHA256:x/);
    assert.equal(await ca('list', '--dir', 'root'), '');
    const right = ['--fingerprint', fingerprintIn(text), '--out', 'signed.pem', '--dir', 'root'];
    await ca('sign-intermediate', 'ca/ca.csr', ...right);
    const refused = await run(['ca', 'accept', 'signed.pem', '--dir', 'ca']);
    assert.match(refused.err, /is of realm devco\.net, and this CA is of other\.net/);
    assert.match((await run(['ca', 'list', '--dir', 'ca'])).err, /have a root sign .*ca\.csr/);
  });

  test('refuse everything below a CA that the list of the root names', async () => {
    using machines = makeMachines();
    const { ca, at } = machines;
    await machines.begin();
    await ca('issue', 'node', 'dev2', '--dir', 'ca', '--out', 'dev2');
    await machines.replace('ca');
    await ca('issue', 'node', 'dev4', '--dir', 'ca', '--out', 'dev4');
    assert.equal(await judge(machines, 'dev4', 'dev2'), 'dev2');
    const [, old = ''] = /(ca-[0-9a-f]{8})/.exec(await ca('list', '--dir', 'root')) ?? [];
    const isOld = (await textOf(at('dev2/node.crt'))).includes(`mco-deploy CA ${old.slice(3)}`);
    await ca('revoke', isOld ? old : await other(machines, old), '--dir', 'root', '--reason', 'keyCompromise');
    await ca('accept', 'root/crl.pem', '--dir', 'ca');
    copyFileSync(at('ca/crl.pem'), at('dev4/crl.pem'));
    assert.equal(await judge(machines, 'dev4', 'dev2'), 'revoked-certificate');
    assert.equal(await judge(machines, 'dev4', 'dev4'), 'dev4');
  });
});

describe('a root and a CA below it in operation', () => {
  test('rotate without a change on other nodes: the lists of both CAs hold on nodes of either', async () => {
    using machines = makeMachines();
    const { ca, run, at, read } = machines;
    await machines.begin();
    for (const name of ['dev2', 'dev3']) await ca('issue', 'node', name, '--dir', 'ca', '--out', name);
    const trusted = read('dev2', 'ca.crt');
    await machines.replace('ca');
    for (const name of ['dev4', 'dev5']) await ca('issue', 'node', name, '--dir', 'ca', '--out', name);
    assert.equal(read('dev4', 'ca.crt'), trusted);
    assert.equal(await judge(machines, 'dev2', 'dev4'), 'dev4');
    assert.equal(await judge(machines, 'dev4', 'dev2'), 'dev2');
    for (const name of ['dev3', 'dev5']) await ca('revoke', name, '--dir', 'ca');
    for (const name of ['dev2', 'dev4']) copyFileSync(at('ca/crl.pem'), at(name, 'crl.pem'));
    for (const name of ['dev2', 'dev4']) {
      for (const gone of ['dev3', 'dev5']) assert.equal(await judge(machines, name, gone), 'revoked-certificate');
    }

    const early = await run(['ca', 'rollover', '--finish', '--dir', 'ca']);
    assert.match(early.err, /still needed by node dev2/);
    await ca('renew', 'dev2', '--dir', 'ca', '--out', 'dev2', '--force');
    const vouched = await run(['ca', 'rollover', '--finish', '--dir', 'ca']);
    const [, old = ''] = /ca revoke (ca-[0-9a-f]{8}) --reason superseded/.exec(vouched.err) ?? [];
    assert.match(vouched.err, /the root still vouches for the CA before this one/);
    await ca('revoke', old, '--reason', 'superseded', '--dir', 'root');
    await ca('accept', 'root/crl.pem', '--dir', 'ca');
    await ca('rollover', '--finish', '--dir', 'ca');
    for (const name of ['dev2', 'dev4']) copyFileSync(at('ca/crl.pem'), at(name, 'crl.pem'));
    assert.equal(await judge(machines, 'dev4', 'dev2'), 'dev2');
    assert.equal(await judge(machines, 'dev2', 'dev3'), 'revoked-certificate', 'by its CA');
    assert.equal(await judge(machines, 'dev2', 'dev5'), 'revoked-certificate', 'by the list of the new CA');
  });

  test('encrypt the key that waits for its certificate, and open it only with its own passphrase', async () => {
    using machines = makeMachines();
    const { ca, run, read, fingerprintIn } = machines;
    await ca('init', '--root', '--realm', 'devco.net', '--dir', 'root');
    const asked = ['ca', 'init', '--intermediate', '--realm', 'devco.net', '--dir', 'ca'];
    const { out } = await run(asked, 'correct horse');
    const again = await run(asked, 'correct horse');
    assert.equal(fingerprintIn(again.out), fingerprintIn(out), 'the same key');
    assert.match(read('ca', 'request.key'), /BEGIN ENCRYPTED PRIVATE KEY/);
    const proof = ['--fingerprint', fingerprintIn(out), '--out', 'signed.pem', '--dir', 'root'];
    await ca('sign-intermediate', 'ca/ca.csr', ...proof);
    const accept = ['ca', 'accept', 'signed.pem', '--dir', 'ca'];
    const wrong = await run(accept, 'wrong');
    assert.equal(wrong.code, 64);
    assert.match(wrong.err, /the passphrase does not open /);
    assert.match((await run(accept)).err, /the CA key needs a passphrase/);
    assert.equal((await run(accept, 'correct horse')).code, 0);
    assert.match(read('ca', 'ca.key'), /BEGIN ENCRYPTED PRIVATE KEY/);
  });

  test('accept no older list of the root', async () => {
    using machines = makeMachines();
    const { ca, run, at } = machines;
    await machines.begin();
    copyFileSync(at('root/crl.pem'), at('old.pem'));
    await ca('crl', '--dir', 'root');
    await ca('accept', 'root/crl.pem', '--dir', 'ca');
    const { code, err } = await run(['ca', 'accept', 'old.pem', '--dir', 'ca']);
    assert.equal(code, 64);
    assert.match(err, /list 1 of the root is older/);
  });
});
