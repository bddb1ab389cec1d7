import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fs, { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { readRevocations } from '../../../../src/ca/revocation/revocations.ts';
import { loadCredentials } from '../../../../src/core/credentials/credentials.ts';
import { checkCredentials } from '../../../../src/core/credentials/doctor.ts';
import { type LiveCredentials, startCredentials } from '../../../../src/core/credentials/live-credentials.ts';
import { requireOwn } from '../../../../src/core/credentials/ownership.ts';
import { makeChainedFleet } from '../../../support/fleet/chain.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;

let fleet: Fleet;
let member: Member;
before(async () => {
  fleet = await makeFleet();
  member = await fleet.node('dev1.devco.net');
});
after(() => fleet.remove());

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mco-own-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Files of a member in a directory of the test, with others in place of some. */
function placed(
  of: Member,
  changes: { certificate?: string | Buffer; key?: string | Buffer; ca?: string | Buffer } = {},
) {
  const files = {
    certificate: join(directory, 'own.crt'),
    key: join(directory, 'own.key'),
    ca: join(directory, 'ca.crt'),
    crl: join(directory, 'crl.pem'),
  };
  writeFileSync(files.certificate, changes.certificate ?? of.certificatePem);
  writeFileSync(files.key, changes.key ?? of.keyPem, { mode: 0o600 });
  writeFileSync(files.ca, changes.ca ?? of.caPem);
  return files;
}
function placedOpen(of: Member) {
  const files = placed(of);
  chmodSync(files.key, 0o644);
  return files;
}
type Files = ReturnType<typeof placed>;
const load = (files: Files, kind: 'node' | 'operator' = 'node', now = Date.now()) =>
  loadCredentials(files, kind, readRevocations, now);

describe('the files of a certificate', () => {
  test('are all needed, except the revocation list', async () => {
    for (const [name, what] of [
      ['certificate', 'certificate'],
      ['key', 'private key'],
      ['ca', "fleet's CA certificate"],
    ] as const) {
      const files = placed(member);
      rmSync(files[name]);
      const message = new RegExp(`^the ${what} ${files[name]} cannot be read: `);
      await assert.rejects(load(files), { code: 'unreadable-file', message });
    }
    const files = placed(member);
    const { credentials } = await load(files);
    assert.equal(credentials.identity.name, 'dev1.devco.net');
    assert.ok(credentials.certificate.checkPrivateKey(credentials.key));
    mkdirSync(files.crl);
    await assert.rejects(load(files), { code: 'unreadable-file', message: /^the revocation list / });
  });

  test('are not used by a person while others may read or write the key', async () => {
    const operator = await fleet.operator('rip@devco.net');
    const files = placed(operator);
    for (const mode of [0o644, 0o604, 0o620, 0o660]) {
      chmodSync(files.key, mode);
      await assert.rejects(load(files, 'operator'), {
        code: 'exposed-key',
        message: `others may read or write ${files.key} (mode ${mode.toString(8)})`,
        hint: `chmod 600 ${files.key}`,
      });
    }
    for (const mode of [0o600, 0o640, 0o400]) {
      chmodSync(files.key, mode);
      await load(files, 'operator');
    }
  });

  test('are used all the same where another user owns the key, as a CI system mounts it', async () => {
    const files = placed(await fleet.operator('rip@devco.net'));
    chmodSync(files.key, 0o644);
    chownSync(files.key, 65534, 65534);
    await load(files, 'operator');
  });

  test('keep a node running, which warns while others may read or write the key', async () => {
    const files = placed(member);
    chmodSync(files.key, 0o644);
    const { warnings } = await load(files);
    assert.deepEqual(warnings(Date.now()), [
      `others may read or write ${files.key} (mode 644): chmod 600 ${files.key}`,
    ]);
    chmodSync(files.key, 0o600);
    assert.deepEqual((await load(files)).warnings(Date.now()), []);
  });

  test('are named if one has a fault', async () => {
    const other = await fleet.node('dev2.devco.net');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp521r1' });
    const long = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    for (const [changes, code, file, words] of [
      [{ certificate: 'x' }, 'bad-certificate', 'certificate', ': the certificate cannot be read'],
      [{ ca: 'x' }, 'bad-certificate', 'ca', ': the certificate cannot be read'],
      [{ certificate: member.caPem }, 'bad-certificate', 'certificate', ' names no mco-deploy identity'],
      [{ key: 'x' }, 'bad-key', 'key', ' is not a private key that can be read'],
      [{ key: long }, 'bad-key', 'key', " can't be used: its key is EC secp521r1; "],
    ] as const) {
      const files = placed(member, changes);
      await assert.rejects(load(files), (error: { code: string; message: string }) => {
        assert.equal(error.code, code);
        assert.ok(error.message.startsWith(`${files[file]}${words}`), error.message);
        return true;
      });
    }
    const files = placed(member, { key: other.keyPem });
    const message = `the private key ${files.key} does not match the certificate`;
    await assert.rejects(load(files), { code: 'bad-key', message });
    const kind = `${files.certificate}: dev1.devco.net is a node, and only an operator may do this`;
    await assert.rejects(load(placed(member), 'operator'), { code: 'wrong-kind', message: kind });
    const late = load(placed(member), 'node', Date.now() + 365 * day);
    await assert.rejects(late, {
      code: 'expired-certificate',
      hint: /^renew it where the CA is: mco-deploy ca renew /,
    });
  });

  test('are explained in the forms in which they are often brought', async () => {
    const key = createPrivateKey(member.keyPem);
    const locked = key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
    const der = new X509Certificate(member.certificatePem).raw;
    const hintOf = (changes: Parameters<typeof placed>[1]) =>
      load(placed(member, changes)).then(
        () => 'none',
        ({ hint }: { hint: string }) => hint,
      );
    for (const [changes, hint] of [
      [{ certificate: der }, /^it is DER or PKCS#12: /],
      [{ key: key.export({ type: 'pkcs8', format: 'der' }) }, /^it is DER or PKCS#12: /],
      [{ key: locked }, /^it is encrypted with a passphrase: /],
      [{ key: member.certificatePem }, /^it has “CERTIFICATE”, which is damaged or belongs in another file$/],
      [{ ca: Buffer.from(member.caPem, 'utf16le') }, /^it is UTF-16 or no text: /],
      [{ ca: member.caPem.replaceAll('\n', '\r') }, /^its lines end as on an old Mac: /],
      [{ certificate: '\n' }, /^it is empty$/],
      [{ certificate: member.caPem + member.certificatePem }, /^the certificate of its holder comes first, /],
    ] as const)
      assert.match(await hintOf(changes), hint);
  });

  test('are refused if the revocation list is a link that leads nowhere: it went missing', async () => {
    const files = placed(member);
    symlinkSync('/nowhere/crl.pem', files.crl);
    await assert.rejects(load(files), { code: 'unreadable-file', message: /^the revocation list .* no such file/ });
  });

  test('are refused with the name of the revocation list if it is none', async () => {
    const files = placed(member);
    writeFileSync(files.crl, member.certificatePem);
    await assert.rejects(load(files), {
      code: 'bad-crl',
      message: `${files.crl}: there is no “BEGIN X509 CRL” in the file`,
      hint: 'it has “CERTIFICATE”, which is damaged or belongs in another file',
    });
  });

  test('lead from the certificate to a trusted root, or the one that is missing is named', async () => {
    const chained = await makeChainedFleet(directory);
    const { root, first, second } = chained;
    const said = async (options?: Parameters<typeof chained.holder>[3], issuer = first) => {
      const files = await chained.holder('node', 'dev1.devco.net', issuer, options);
      try {
        const { credentials } = await load(files);
        return credentials.issuers?.length;
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        assert.equal(code, 'foreign-certificate');
        assert.ok(message.startsWith(`${files.certificate}: `));
        return message
          .slice(files.certificate.length + 2)
          .replaceAll(files.ca, 'CA')
          .replaceAll(files.certificate, 'OWN')
          .replaceAll(/“[^”]*”/g, '“…”');
      }
    };
    assert.equal(await said(), 1);
    assert.equal(
      await said({ withChain: false, trusted: [root, first] }),
      0,
      'the intermediate may stand beside the root',
    );
    assert.equal(
      await said({ withChain: false }),
      'the CA “…” that issued it is in neither file: is it a certificate of this fleet? If so, add the root to CA, and an intermediate CA to OWN after the certificate',
    );
    assert.equal(
      await said({ trusted: [second] }),
      'the CA “…” that issued the intermediate “…” is in neither file: is it a CA of this fleet? If so, add it to CA',
    );
    assert.equal(
      await said({ withChain: false, trusted: [first] }),
      'CA trusts an intermediate alone, “…”: add the root “…” that issued it',
    );
  });

  test('warn a month before the end, and of a short life in its last third', async () => {
    const warningsOf = async (life: number) => {
      const start = Math.floor(Date.now() / 1000) * 1000 - hour;
      const of = await fleet.node('dev1.devco.net', { notBefore: start, notAfter: start + life });
      const { warnings } = await load(placed(of));
      return (left: number) => warnings(start + life - left).join();
    };
    const month = await warningsOf(50 * day);
    assert.deepEqual([month(30 * day), month(30 * day - 1).slice(0, 31)], ['', 'the certificate ends in 29 days']);
    assert.match(month(48 * hour), /^the certificate ends in 2 days \(/);
    assert.match(month(48 * hour - 1), /^the certificate ends in 47 hours \(/);
    assert.match(month(2 * hour), /^the certificate ends in 2 hours \(/);
    assert.match(month(hour), /^the certificate ends in 60 minutes \(/);
    assert.match(month(0), /^the certificate ends in 0 minutes \(.*Z\): renew it$/);
    assert.match(month(-1), /^the certificate ended on .*Z: renew it$/);
    const week = await warningsOf(7 * day);
    assert.deepEqual([week((7 * day) / 3), week((7 * day) / 3 - 1).slice(0, 19)], ['', 'the certificate end']);
    const longer = await warningsOf(7 * day + 1000);
    assert.notEqual(longer(7 * day), '', 'a month');
  });

  test('warn of the end of each CA, with the command that begins its replacement', async () => {
    const { root, first, holder } = await makeChainedFleet(directory);
    const { warnings } = await load(await holder('node', 'dev1.devco.net', first));
    const [end, rootEnd] = [first, root].map(({ certificate }) => Date.parse(certificate.validTo));
    const found = warnings((rootEnd ?? 0) - 1).filter((warning) => warning.includes('CA’s'));
    assert.equal(found.length, 2);
    assert.match(found[0] ?? '', /“mco-deploy ca rollover --intermediate”$/);
    assert.match(found[1] ?? '', /“mco-deploy ca rollover”$/);
    assert.ok((end ?? 0) <= (rootEnd ?? 0));
  });
});

describe('the check of the own files', () => {
  const check = async (files: Files, kind: 'node' | 'operator' = 'node') => {
    const { findings, state } = await checkCredentials(files, kind, readRevocations, Date.now());
    return {
      state,
      findings: findings.map(({ check: name, status, what, fix }) => [name, status, what, fix] as const),
    };
  };

  test('reports what is in order, and the credentials', async () => {
    const files = placed(member);
    writeFileSync(files.crl, await fleet.crl());
    const { findings, state } = await check(files);
    const until = new Date(member.certificate.validTo).toISOString().slice(0, 10);
    assert.deepEqual(findings, [
      ['certificate', 'ok', `node dev1.devco.net of devco.net, until ${until}; the key matches`, ''],
      ['key', 'ok', `no other user may use ${files.key}`, ''],
      ['revocations', 'ok', `${files.crl} is there`, ''],
    ]);
    assert.equal(state?.credentials.identity.name, 'dev1.devco.net');
  });

  test('reports what is missing or soon ends, each with its fix', async () => {
    const ending = await fleet.node('dev1.devco.net', { notBefore: Date.now() - 30 * day, notAfter: Date.now() + day });
    const files = placed(ending);
    const { findings } = await check(files);
    assert.deepEqual(
      findings.map(([name, status]) => [name, status]),
      [
        ['certificate', 'ok'],
        ['certificate', 'warning'],
        ['key', 'ok'],
        ['revocations', 'warning'],
      ],
    );
    assert.match(findings[3]?.[2] ?? '', /^there is no .*: a revoked certificate would be accepted$/);
    rmSync(files.key);
    const without = await check(files);
    assert.equal(without.state, undefined);
    const [first, second, ...more] = without.findings;
    assert.deepEqual(
      [first?.slice(0, 2), second?.slice(0, 2), more],
      [['certificate', 'broken'], ['revocations', 'warning'], []],
    );
    assert.equal(first?.[3], 'see “mco-deploy enroll” and “mco-deploy ca sign”');
    assert.equal((await check(files, 'operator')).findings[0]?.[3], 'request one: “mco-deploy ca issue operator”');
  });

  test('finds a key that others may read or write', async () => {
    const files = placed(member);
    for (const [mode, status] of [
      [0o600, 'ok'],
      [0o400, 'ok'],
      [0o640, 'ok'],
      [0o660, 'broken'],
      [0o650, 'broken'],
      [0o604, 'broken'],
      [0o602, 'broken'],
      [0o601, 'broken'],
    ] as const) {
      chmodSync(files.key, mode);
      const { findings } = await check(files);
      const [, found] = findings;
      assert.equal(findings.length, 3, findings.join('\n'));
      assert.deepEqual(found?.slice(0, 2), ['key', status], mode.toString(8));
      if (status === 'ok') continue;
      const words = `others may read or write ${files.key} (mode ${mode.toString(8)})`;
      assert.deepEqual(found?.slice(2), [words, `chmod 600 ${files.key}`]);
    }
    const [found, ...rest] = (await check(placedOpen(await fleet.operator('rip@devco.net')), 'operator')).findings;
    assert.deepEqual([found?.slice(0, 2), rest.length], [['key', 'broken'], 1]);
  });
});

describe('credentials that are read again', () => {
  const start = async (files: Files) => {
    const heard: string[] = [];
    const live: LiveCredentials = await startCredentials({
      files,
      kind: 'node',
      readRevocations,
      now: Date.now,
      onReload: () => heard.push('reloaded'),
      onFault: (fault) => heard.push(fault),
    });
    return { live, heard };
  };

  test('take effect, and the old ones stay while the new ones cannot be used', async () => {
    const files = placed(member);
    const { live, heard } = await start(files);
    try {
      assert.deepEqual([live.warnings(), heard], [[], []]);
      const renewed = await fleet.node('dev1.devco.net');
      placed(renewed);
      await live.reload();
      const serial = () => live.current().credentials.certificate.serialNumber;
      assert.deepEqual([serial(), heard.splice(0)], [renewed.certificate.serialNumber, ['reloaded']]);
      placed(renewed, { key: 'x' });
      await live.reload();
      const words = /^the certificates were not reloaded, the old ones stay in force: .*own\.key is not a private key/;
      assert.equal(serial(), renewed.certificate.serialNumber);
      assert.match(live.warnings().join(), words);
      assert.match(heard.splice(0).join(), words);
      placed(await fleet.node('dev2.devco.net'));
      await live.reload();
      assert.match(heard.splice(0).join(), /the new certificate is of dev2\.devco\.net, not of dev1\.devco\.net/);
      assert.equal(live.current().credentials.identity.name, 'dev1.devco.net');
      placed(member);
      await Promise.all([live.reload(), live.reload()]);
      assert.deepEqual(
        [live.warnings(), heard, serial()],
        [[], ['reloaded', 'reloaded'], member.certificate.serialNumber],
      );
      writeFileSync(files.crl, await fleet.crl());
      await live.reload();
      assert.equal('lists' in live.revocations(), true);
    } finally {
      live.stop();
    }
  });

  test('do not start with files that cannot be used, which are not watched any further', async (t) => {
    const files = placed(member, { key: 'x' });
    const { mock: unwatch } = t.mock.method(fs, 'unwatchFile');
    syncBuiltinESMExports();
    try {
      await assert.rejects(start(files), { code: 'bad-key' });
    } finally {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
    const ended = unwatch.calls.map(({ arguments: [path] }) => path);
    assert.deepEqual(ended, Object.values(files));
  });

  test('are read one after the other', async () => {
    const files = placed(member);
    writeFileSync(files.crl, await fleet.crl());
    let [running, most] = [0, 0];
    const live = await startCredentials({
      files,
      kind: 'node',
      readRevocations: async (...asked) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve));
        running--;
        return readRevocations(...asked);
      },
      now: Date.now,
      onReload: () => {},
      onFault: assert.fail,
    });
    try {
      await Promise.all([live.reload(), live.reload(), live.reload()]);
      assert.equal(most, 1);
    } finally {
      live.stop();
    }
  });
});

describe('a file that the daemon trusts', () => {
  const path = (name: string) => join(directory, name);
  const bad = (message: string | RegExp) => ({ code: 'bad-permissions', message });

  test('is there, of its kind, and no link', async () => {
    writeFileSync(path('file'), '', { mode: 0o644 });
    mkdirSync(path('directory'));
    symlinkSync(path('file'), path('link'));
    await requireOwn(path('file'), 'file');
    await requireOwn(path('directory'), 'directory');
    await assert.rejects(requireOwn(path('directory'), 'file'), bad(`${path('directory')} is not a regular file`));
    await assert.rejects(requireOwn(path('file'), 'directory'), bad(`${path('file')} is not a directory`));
    await assert.rejects(requireOwn(path('link'), 'file'), bad(`${path('link')} is not a regular file`));
    await assert.rejects(requireOwn(path('gone'), 'file'), bad(/gone: /));
    const below = requireOwn(join(path('file'), 'x'), 'file');
    await assert.rejects(below, { code: 'unreadable-file' });
  });

  test('cannot be written by others, and a program can be run', async () => {
    writeFileSync(path('file'), '');
    for (const [mode, kind, words] of [
      [0o755, 'file', undefined],
      [0o755, 'program', undefined],
      [0o100, 'program', undefined],
      [0o655, 'program', 'is not executable'],
      [0o655, 'file', undefined],
      [0o775, 'file', 'can be written by other users'],
      [0o757, 'program', 'can be written by other users'],
    ] as const) {
      chmodSync(path('file'), mode);
      const required = requireOwn(path('file'), kind);
      if (words === undefined) await required;
      else await assert.rejects(required, bad(`${path('file')} ${words}`), `${kind} ${mode.toString(8)}`);
    }
  });

  test('belongs to root or to the daemon’s user', async (t) => {
    writeFileSync(path('file'), '');
    chownSync(path('file'), 12345, 0);
    await assert.rejects(requireOwn(path('file'), 'file'), bad(`${path('file')} belongs to user 12345`));
    chownSync(path('file'), 0, 12345);
    await requireOwn(path('file'), 'file');
    t.mock.method(process as { getuid: () => number }, 'getuid', () => 12345);
    await requireOwn(path('file'), 'file');
    chownSync(path('file'), 12345, 0);
    await requireOwn(path('file'), 'file');
    chownSync(path('file'), 1, 0);
    await assert.rejects(requireOwn(path('file'), 'file'), bad(`${path('file')} belongs to user 1`));
  });
});
