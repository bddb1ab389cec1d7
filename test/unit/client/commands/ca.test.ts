import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { crlDdl } from '../../../../src/agents/crl/ddl.ts';
import { readCrls } from '../../../../src/ca/revocation/crl.ts';
import { runCli } from '../../../../src/client/cli/cli.ts';
import { enroll } from '../../../../src/client/commands/ca/enroll.ts';
import { caCommand } from '../../../../src/client/commands/ca/index.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

const home = temporaryDirectory();
const dir = join(home, 'ca');
const day = 86_400_000;

/** Runs `mco-deploy ca …` in this process on the CA of this file. */
async function ca(words: readonly string[], env: NodeJS.ProcessEnv = {}, directory = dir) {
  const { context, out, err } = quietContext({ HOME: home, XDG_CONFIG_HOME: join(home, 'config'), ...env });
  let code: number | undefined;
  const all = ['ca', ...words, '--dir', directory];
  await runCli(
    all,
    { version: '', commands: [caCommand([crlDdl])] },
    { ...context, exit: (given) => (code ??= given) },
  );
  return { code: code ?? 0, out, err };
}
const json = async (...words: readonly string[]) => JSON.parse((await ca([...words, '--json'])).out.join('\n'));
const certificateIn = (directory: string) =>
  new X509Certificate(
    readFileSync(
      join(home, directory, readdirSync(join(home, directory)).find((one) => /^(node|operator)\.crt$/.test(one)) ?? ''),
    ),
  );

before(async () => {
  const { out, err, code } = await ca(['init', '--realm', 'devco.net', '--operator', 'rip@devco.net']);
  assert.deepEqual(
    [code, err],
    [
      0,
      [
        `warning: the CA key is not encrypted: let nobody else read ${dir}, or remove it and start again with --encrypt`,
      ],
    ],
  );
  assert.match(out[0] ?? '', new RegExp(`^made the CA of devco.net in ${dir}, valid until 20`));
  assert.equal(
    out[2],
    `issued the certificate of rip@devco.net; your configuration is ${join(home, 'config/mco-deploy/client.yaml')}`,
  );
});

describe('a new CA', () => {
  test('has a list from the start, is private, and is not made twice', async () => {
    assert.equal(statSync(dir).mode & 0o077, 0);
    const shown = await json('show');
    assert.deepEqual([shown.realm, shown.key_encrypted, shown.trusted, shown.revoked], ['devco.net', false, 1, 0]);
    assert.ok(shown.crl_number >= 1 && Date.parse(shown.crl_due) > Date.now());
    const again = await ca(['init', '--realm', 'devco.net']);
    assert.notEqual(again.code, 0);
    // The CA is in the way; the operator's own certificate must not be replaced for it.
    const withOperator = await ca(['init', '--realm', 'devco.net', '--operator', 'rip@devco.net']);
    assert.match(withOperator.err[0] ?? '', /there is a CA in .* already: name another directory with --dir$/);
    const elsewhere = await ca(
      ['init', '--realm', 'devco.net', '--operator', 'rip@devco.net'],
      {},
      join(home, 'other'),
    );
    assert.match(
      elsewhere.err[0] ?? '',
      /operator\.key exists already: move it away, or leave out --operator to keep it$/,
    );
    assert.equal((await json('show')).fingerprint, shown.fingerprint);
  });

  test('is of one kind, with what belongs to that', async () => {
    for (const [words, message] of [
      [['--root', '--intermediate'], /--root and --intermediate cannot be combined/],
      [['--root', '--operator', 'x'], /--operator cannot be combined with --root/],
      [['--intermediate', '--operator', 'x'], /--operator cannot be combined with --intermediate/],
      [['--intermediate', '--days', '5'], /--days cannot be combined with --intermediate/],
    ] as const) {
      const { code, err } = await ca(['init', '--realm', 'x.net', ...words], {}, join(home, 'other'));
      assert.equal(code, 64, words.join(' '));
      assert.match(err.join('\n'), message);
      assert.equal(existsSync(join(home, 'other')), false);
    }
  });
});

describe('a certificate', () => {
  const issue = (name: string, ...more: readonly string[]) =>
    ca(['issue', 'node', name, '--out', join(home, name), ...more]);

  test('is issued for the time that is asked, with its key and the CA, into a directory', async () => {
    const { out, code } = await issue('web1', '--valid', '8h', '--relay');
    assert.equal(code, 0);
    const certificate = certificateIn('web1');
    assert.equal(certificate.subjectAltName?.includes('mco://devco.net/node/web1'), true);
    assert.ok(Math.abs(Date.parse(certificate.validTo) - Date.now() - day / 3) < day / 24, certificate.validTo);
    assert.match(
      out[0] ?? '',
      new RegExp(`^issued mco://devco.net/node/web1, serial ${certificate.serialNumber}, valid until 20`),
    );
    const key = readdirSync(join(home, 'web1')).find((one) => one.endsWith('.key')) ?? '';
    assert.equal(statSync(join(home, 'web1', key)).mode & 0o077, 0);
    const own = createPublicKey(readFileSync(join(home, 'web1', key)));
    assert.ok(own.equals(certificate.publicKey));
    assert.ok(out.length > 1);
    for (const file of out.slice(1)) assert.ok(existsSync(file.trim()), file);
  });

  test('is refused for a name that cannot be one, and with two times; nothing is written then', async () => {
    for (const words of [
      ['Web2'],
      ['web2', '--days', '1', '--valid', '1h'],
      ['web2', '--bundle', join(home, 'b.tgz')],
    ] as const) {
      const [name, ...more] = words;
      assert.notEqual((await issue(name, ...more)).code, 0, words.join(' '));
      assert.equal(existsSync(join(home, name)), false);
    }
    assert.equal(
      (await json('list')).some(({ name }: { name: string }) => name === 'web2'),
      false,
    );
  });

  test('does not replace another one, unless that is asked for', async () => {
    await issue('web3');
    const first = certificateIn('web3').serialNumber;
    assert.notEqual((await issue('web3')).code, 0);
    assert.equal(certificateIn('web3').serialNumber, first);
    assert.equal((await issue('web3', '--force')).code, 0);
    assert.notEqual(certificateIn('web3').serialNumber, first);
  });

  test('for another key of the same name is named with what stays valid, and how to revoke that', async () => {
    const print = (line: string) => line.replace(/[0-9T:.-]+Z$/, 'DATE');
    assert.deepEqual((await issue('web4')).err, []);
    const first = certificateIn('web4').serialNumber;
    assert.deepEqual((await issue('web4', '--force')).err.map(print), [
      'warning: an earlier certificate of node web4, for another key, stays valid until DATE',
      `to revoke it: mco-deploy ca revoke ${first} --dir ${dir}`,
    ]);
    assert.deepEqual((await issue('web4', '--force', '--json')).err.map(print), [
      'warning: 2 earlier certificates of node web4, for other keys, stay valid until DATE',
      `“mco-deploy ca show web4 --kind node --dir ${dir}” lists them`,
      `to revoke the first: mco-deploy ca revoke ${first} --dir ${dir}`,
    ]);
    assert.deepEqual(
      (await ca(['renew', 'web4', '--out', join(home, 'web4-renewed')])).err.length,
      3,
      'the older keys',
    );
    const operator = ['issue', 'operator', 'web4', '--out', join(home, 'operator-web4')];
    assert.deepEqual((await ca(operator)).err, [], 'an operator of that name is another holder');
    await ca(['revoke', 'web4', '--kind', 'node']);
    assert.deepEqual((await issue('web4', '--force')).err, [], 'none is valid any more');
  });

  test('of an operator may be limited to applications', async () => {
    const out = join(home, 'ci');
    const words = ['issue', 'operator', 'ci@devco.net', '--for', 'shop', '--for', 'blog', '--out', out, '--json'];
    const { identity, kind, files } = JSON.parse((await ca(words)).out.join(''));
    assert.deepEqual([identity, kind], ['mco://devco.net/operator/ci@devco.net', 'operator']);
    assert.ok(files.every((file: string) => existsSync(file)));
    const [shown] = await json('show', 'ci@devco.net');
    assert.match(shown.names, /shop/);
  });

  test('is listed while it is valid, by name, and all or only those that end soon where that is asked', async () => {
    await issue('zeta', '--days', '3');
    await issue('alpha', '--days', '30');
    const names = async (...words: string[]) =>
      (await json('list', ...words)).map(({ name }: { name: string }) => name);
    const all = await names();
    assert.deepEqual(all, all.toSorted());
    assert.ok(all.includes('alpha') && all.includes('zeta'));
    const soon = await names('--expiring', '5');
    assert.deepEqual([soon.includes('zeta'), soon.includes('alpha')], [true, false]);
    const { out } = await ca(['list']);
    assert.match(out[0] ?? '', /^KIND +NAME +STATE +EXPIRES +SERIAL$/);
    assert.ok(
      out.some((line) => /^node +alpha +valid +\d{4}-\d\d-\d\d +[0-9A-F]+$/.test(line)),
      out.join('\n'),
    );
  });

  test('is shown by its name or serial, and as PEM', async () => {
    await issue('shown');
    const certificate = certificateIn('shown');
    const [record] = await json('show', certificate.serialNumber);
    assert.deepEqual([record.name, record.state, record.fingerprint], ['shown', 'valid', certificate.fingerprint256]);
    assert.equal((await ca(['show', 'shown', '--pem'])).out.join(''), certificate.toString().trimEnd());
    assert.notEqual((await ca(['show', 'nobody'])).code, 0);
  });

  test('is renewed for the same key', async () => {
    await issue('renewed');
    const before = certificateIn('renewed');
    assert.equal((await ca(['renew', 'renewed', '--out', join(home, 'renewed'), '--force'])).code, 0);
    const now = certificateIn('renewed');
    assert.notEqual(now.serialNumber, before.serialNumber);
    assert.ok(now.publicKey.equals(before.publicKey));
  });

  test('is revoked with all others of its name, in the next list at once', async () => {
    await issue('lost');
    await issue('lost', '--force');
    const entries = await json('list');
    const serials = entries.flatMap(({ name, serial }: Record<string, string>) => (name === 'lost' ? [serial] : []));
    const { crl_number: number } = await json('show');
    const done = await json('revoke', 'lost', '--reason', 'keyCompromise');
    assert.deepEqual([done.revoked.toSorted(), done.reason], [serials.toSorted(), 'keyCompromise']);
    const [list] = readCrls(readFileSync(done.crl, 'utf8'), [
      new X509Certificate((await ca(['show', '--pem'])).out.join('\n')),
    ]);
    assert.equal(list?.number, number + 1);
    const [shown] = await json('show', 'lost');
    assert.deepEqual([shown.state, shown.reason], ['revoked', 'keyCompromise']);
    const again = await ca(['revoke', 'lost']);
    assert.deepEqual(again.out, ['nothing to do: every certificate of “lost” is revoked or has expired']);
    assert.equal((await json('show')).crl_number, number + 1);
    assert.equal(
      (await json('list')).some(({ name }: { name: string }) => name === 'lost'),
      false,
    );
    assert.equal((await json('list', '--all')).filter(({ name }: { name: string }) => name === 'lost').length, 2);
    const wrong = await ca(['revoke', 'web1', '--reason', 'keycompromise']);
    assert.equal(wrong.code, 64);
    assert.match(wrong.err.join(''), /not a reason to revoke.*keyCompromise/);
  });

  test('that is on no list, as after an interruption, keeps the list from the nodes', async () => {
    const file = join(dir, 'crl.pem');
    const before = readFileSync(file);
    await issue('unlisted');
    await json('revoke', 'unlisted');
    const after = readFileSync(file);
    writeFileSync(file, before);
    const { code, err } = await ca(['push-crl', '-I', 'web1']);
    writeFileSync(file, after);
    assert.equal(code, 64);
    assert.match(
      err.join('\n'),
      /crl\.pem lacks 1 certificate that the CA has revoked: make the list again with “mco-deploy ca crl --dir .*\/ca”$/,
    );
  });
});

describe('a request for a certificate', () => {
  const place = (name: string) => join(home, name);
  const ask = async (name: string, more: object = {}) => {
    const { context, out } = quietContext({ HOME: home });
    await enroll(name, { out: place(name), ...more }, context);
    return out;
  };

  test('is made with a key that stays where it is, and is kept when it is made again', async () => {
    const [first] = (await ask('own', { json: true })).map((line) => JSON.parse(line));
    assert.deepEqual([first.kind, first.name, first.fresh, first.key], ['node', 'own', true, place('own/node.key')]);
    assert.equal(statSync(first.key).mode & 0o077, 0);
    const again = await ask('own');
    assert.deepEqual(
      [again[0], again[2]],
      [`kept the key ${first.key}`, `fingerprint of the key: ${first.fingerprint}`],
    );
    assert.equal(again.at(-1), `  mco-deploy ca sign node.csr node own --fingerprint ${first.fingerprint}`);
    await assert.rejects(ask('Own'), { code: 'bad-name' });
  });

  test('is signed for the given name, if the key is the one that its maker saw; no key comes back', async () => {
    const [made] = (await ask('signed', { json: true })).map((line) => JSON.parse(line));
    const sign = (kind: string, ...more: readonly string[]) =>
      ca(['sign', made.request, kind, 'web9', '--out', place('web9'), ...more]);
    assert.notEqual((await sign('node')).code, 0, 'nobody has compared the fingerprint');
    const other = await sign('node', '--fingerprint', `${made.fingerprint}0`);
    assert.match(other.err.join(''), /do not sign it/);
    for (const words of [['operator', '--relay'], ['node', '--for', 'shop'], ['other']] as const) {
      const [kind, ...more] = words;
      assert.equal((await sign(kind, ...more, '--yes')).code, 64, words.join(' '));
    }
    assert.equal(existsSync(place('web9')), false);
    assert.equal((await sign('node', '--fingerprint', made.fingerprint, '--relay')).code, 0);
    assert.deepEqual(readdirSync(place('web9')).toSorted(), ['ca.crt', 'crl.pem', 'node.crt']);
    assert.ok(certificateIn('web9').publicKey.equals(createPublicKey(readFileSync(made.key))));
    assert.match(certificateIn('web9').subjectAltName ?? '', /mco:\/\/devco\.net\/node\/web9/);
    assert.notEqual((await ca(['sign', place('none.csr'), 'node', 'x', '--yes'])).code, 0);
  });

  test('may come back as one archive, with a configuration to start with', async () => {
    const bundle = place('web8.tar.gz');
    const issue = () => ca(['issue', 'node', 'web8', '--bundle', bundle]);
    const { out } = await issue();
    assert.equal(statSync(bundle).mode & 0o077, 0);
    assert.equal(out.at(-1), `unpack it there with: mkdir -p /etc/mco-deploy && tar -xzf ${bundle} -C /etc/mco-deploy`);
    const list = execFileSync('tar', ['-tvzf', bundle]).toString();
    for (const file of [
      /-rw-------.* node\.key$/m,
      /-rw-r--r--.* node\.crt$/m,
      / ca\.crt$/m,
      / crl\.pem$/m,
      / node\.yaml$/m,
    ]) {
      assert.match(list, file);
    }
    assert.notEqual((await issue()).code, 0, 'it is there already');
  });
});

describe('a CA below a root', () => {
  const [root, below] = [join(home, 'root'), join(home, 'below')];
  const signedBy = async (request: string, ...more: readonly string[]) => {
    const out = join(home, `signed-${readdirSync(home).length}.pem`);
    const done = await ca(['sign-intermediate', request, '--out', out, '--yes', ...more], {}, root);
    assert.equal(done.code, 0, done.err.join('\n'));
    return out;
  };

  test('is made by its request, the signature of the root and its acceptance, and issues then', async () => {
    assert.match((await ca(['init', '--realm', 'r.net', '--root'], {}, root)).out[0] ?? '', /^made the root of r\.net/);
    const { out } = await ca(['init', '--realm', 'r.net', '--intermediate', '--json'], {}, below);
    const request = JSON.parse(out.join(''));
    assert.notEqual(
      (await ca(['issue', 'node', 'a', '--out', join(home, 'a')], {}, root)).code,
      0,
      'a root signs CAs alone',
    );
    const signed = await signedBy(request.request, '--days', '20');
    const accepted = await ca(['accept', signed], {}, below);
    assert.match(accepted.out[0] ?? '', /^made the CA of r\.net in .* below its root, valid until 20/);
    const shown = JSON.parse((await ca(['show', '--json'], {}, below)).out.join(''));
    assert.deepEqual([shown.role, shown.trusted], ['intermediate', 1]);
    assert.ok(Math.abs(Date.parse(shown.not_after) - Date.now() - 20 * day) < day);
    assert.equal((await ca(['issue', 'node', 'a', '--out', join(home, 'a')], {}, below)).code, 0);
    const chain = readFileSync(join(home, 'a/node.crt'), 'utf8').split('BEGIN CERTIFICATE').length - 1;
    assert.equal(chain, 2, 'the certificate and that of its CA');
    assert.ok(certificateIn('a').verify(new X509Certificate(readFileSync(signed)).publicKey));
  });

  test('is replaced by commands that work as they are printed, and ca.crt stays as it is', async () => {
    const begun = await ca(['rollover', '--intermediate'], {}, below);
    assert.equal(begun.out.at(-1), `  mco-deploy ca accept FILE --dir ${below}`);
    const out = join(home, 'up.pem');
    const signing = await ca(['sign-intermediate', join(below, 'ca.csr'), '--out', out, '--yes'], {}, root);
    assert.equal(signing.out.at(-1), `copy ${out} to its machine and run there: mco-deploy ca accept up.pem`);
    const before = readFileSync(join(home, 'a/ca.crt'), 'utf8');
    const accepted = await ca(['accept', out], {}, below);
    assert.deepEqual(accepted.out.slice(2), [
      '2 CAs are trusted now',
      `ca.crt stays as it is; renew every certificate now: “mco-deploy ca list --dir ${below}” shows them`,
    ]);
    assert.equal((await ca(['show', '--pem'], {}, below)).out.join('\n').trim(), before.trim());
  });

  test('accepts neither what another root signed, nor a file without a certificate', async () => {
    const other = join(home, 'other-root');
    await ca(['init', '--realm', 's.net', '--root'], {}, other);
    const { out } = await ca(['init', '--realm', 'r.net', '--intermediate', '--json'], {}, join(home, 'waiting'));
    const { request } = JSON.parse(out.join(''));
    const wrong = join(home, 'wrong.pem');
    assert.equal((await ca(['sign-intermediate', request, '--out', wrong, '--yes'], {}, other)).code, 0);
    writeFileSync(join(home, 'empty.pem'), 'nothing\n');
    for (const file of [wrong, join(home, 'empty.pem'), join(home, 'none.pem')]) {
      assert.notEqual((await ca(['accept', file], {}, join(home, 'waiting'))).code, 0, file);
    }
    assert.notEqual((await ca(['accept', wrong], {}, other)).code, 0, 'a root has no CA above it');
    assert.notEqual((await ca(['show'], {}, join(home, 'waiting'))).code, 0, 'there is no CA yet');
  });
});

describe('a CA that takes over', () => {
  test('is trusted beside the old one until no certificate needs that', async () => {
    const directory = join(home, 'rolling');
    const run = (...words: string[]) => ca(words, {}, directory);
    await run('init', '--realm', 't.net');
    const shown = async () => JSON.parse((await run('show', '--json')).out.join(''));
    const before = await shown();
    assert.notEqual((await run('rollover', '--finish')).code, 0, 'there is one CA');
    await run('issue', 'node', 'a', '--out', join(home, 't-a'));
    assert.equal((await run('rollover')).code, 0);
    const during = await shown();
    assert.notEqual(during.fingerprint, before.fingerprint);
    assert.deepEqual([before.trusted, during.trusted], [1, 2]);
    const early = await run('rollover', '--finish');
    assert.notEqual(early.code, 0);
    assert.match(early.err.join(''), /still needed by .*a/);
    await run('renew', 'a', '--out', join(home, 't-a'), '--force');
    await run('revoke', JSON.parse((await run('list', '--json')).out.join(''))[0].serial);
    assert.equal((await run('rollover', '--finish')).code, 0);
    assert.equal((await shown()).trusted, 1);
  });
});

describe('a file that is named on the command line', () => {
  test('is named in the message if it is not a request', async () => {
    const file = join(home, 'notes.txt');
    writeFileSync(file, 'no request\n');
    const { code, err } = await ca(['sign', file, 'node', 'dev9.devco.net', '--out', join(home, 'dev9')]);
    assert.equal(code, 64);
    assert.deepEqual(err, [`mco-deploy: ${file} is not a certificate request: create one with “mco-deploy enroll”`]);
    assert.equal(existsSync(join(home, 'dev9')), false);
  });

  test('as that of a passphrase is read, even if the key needs none', async () => {
    const missing = join(home, 'NOTHERE');
    const words = (file: string) => [
      'issue',
      'node',
      'dev8.devco.net',
      '--out',
      join(home, 'dev8'),
      '--passphrase-file',
      file,
    ];
    const { code, err } = await ca(words(missing));
    assert.equal(code, 64);
    assert.deepEqual(err, [
      `mco-deploy: the passphrase file ${missing} cannot be read: no such file or directory`,
      'to read what to do: mco-deploy explain unreadable-file',
    ]);
    assert.equal(existsSync(join(home, 'dev8')), false);
    const file = join(home, 'passphrase');
    writeFileSync(file, 'secret\n', { mode: 0o600 });
    const made = await ca(words(file));
    assert.equal(made.code, 0, made.err.join('\n'));
    assert.match(made.err.join('\n'), /^warning: the CA key is not encrypted/);
  });
});
