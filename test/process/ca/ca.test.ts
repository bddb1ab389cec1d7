import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { readCrl } from '../../../src/ca/revocation/crl.ts';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { proveCertificate } from '../../../src/core/credentials/proof.ts';
import { type CaCli, makeCaCli } from '../../support/program/ca-cli.ts';
import { openssl } from '../../support/openssl.ts';

const run = promisify(execFile);

async function withCa(more: readonly string[] = []): Promise<CaCli> {
  const ca = await makeCaCli();
  const made = await ca.run(['ca', 'init', '--realm', 'devco.net', ...more]);
  assert.equal(made.code, 0, made.err);
  return ca;
}

const caFile = ({ dir }: CaCli, name: string) => join(dir, 'data/mco-deploy/ca', name);

describe('the CA from the command line, as openssl sees it', () => {
  test('issues a server that openssl verifies, by chain, purpose and name', async () => {
    await using ca = await withCa();
    const issued = await ca.run(['ca', 'issue', 'node', 'dev1.devco.net', '--out', 'host']);
    assert.equal(issued.code, 0, issued.err);
    const host = (name: string) => join(ca.dir, 'host', name);
    const verify = (...args: string[]) =>
      openssl(['verify', '-x509_strict', '-CAfile', host('ca.crt'), ...args, host('node.crt')]);
    assert.equal((await verify('-purpose', 'sslserver', '-verify_hostname', 'dev1.devco.net')).ok, true);
    assert.equal((await verify('-purpose', 'sslclient')).ok, true);
    assert.equal((await verify('-purpose', 'sslserver', '-verify_hostname', 'dev2.devco.net')).ok, false);
    const { output } = await openssl(['x509', '-noout', '-text', '-in', host('node.crt')]);
    for (const expected of [
      /Signature Algorithm: ecdsa-with-SHA256/,
      /X509v3 Basic Constraints: critical\s+CA:FALSE/,
      /X509v3 Key Usage: critical\s+Digital Signature\n/,
      /TLS Web Server Authentication, TLS Web Client Authentication\n/,
      /URI:mco:\/\/devco.net\/node\/dev1.devco.net, DNS:dev1.devco.net\n/,
      /Subject Key Identifier/,
      /Authority Key Identifier/,
      /NIST CURVE: P-256/,
    ]) {
      assert.match(output, expected);
    }
    const key = await openssl(['pkey', '-in', host('node.key'), '-pubout']);
    const certified = await openssl(['x509', '-in', host('node.crt'), '-noout', '-pubkey']);
    assert.equal(key.output, certified.output);
    assert.equal((await stat(host('node.key'))).mode & 0o777, 0o600);
  });

  test('issues an operator that openssl accepts only as a client', async () => {
    await using ca = await withCa();
    assert.equal((await ca.run(['ca', 'issue', 'operator', 'rip@devco.net'])).code, 0);
    const file = join(ca.dir, 'rip@devco.net/operator.crt');
    const verify = (purpose: string) => openssl(['verify', '-CAfile', caFile(ca, 'ca.crt'), '-purpose', purpose, file]);
    assert.equal((await verify('sslclient')).ok, true);
    assert.equal((await verify('sslserver')).ok, false);
  });

  test('can sign certificates and lists, and allows no CA below it', async () => {
    await using ca = await withCa();
    const { output } = await openssl(['x509', '-noout', '-text', '-in', caFile(ca, 'ca.crt')]);
    assert.match(output, /X509v3 Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    assert.match(output, /X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign/);
    assert.equal((await stat(caFile(ca, 'ca.key'))).mode & 0o777, 0o600);
  });

  test('revokes, and openssl accepts the list and refuses the certificates on it', async () => {
    await using ca = await withCa();
    for (const name of ['lost', 'kept']) assert.equal((await ca.run(['ca', 'issue', 'node', name])).code, 0);
    const revoked = await ca.run(['ca', 'revoke', 'lost', '--reason', 'keyCompromise', '--json']);
    assert.equal(revoked.code, 0, revoked.err);
    const [serial] = (JSON.parse(revoked.out) as { revoked: string[] }).revoked;
    const crl = caFile(ca, 'crl.pem');
    assert.match(await readFile(crl, 'utf8'), /^-----BEGIN X509 CRL-----\n/);
    const text = await openssl(['crl', '-noout', '-text', '-CAfile', caFile(ca, 'ca.crt'), '-in', crl]);
    assert.match(text.output, /verify OK/);
    assert.match(text.output, /X509v3 CRL Number: \s+2\n/);
    assert.match(text.output, /Key Compromise/);
    assert.ok(text.output.includes(`Serial Number: ${serial}`));
    const verify = (name: string) =>
      openssl([
        'verify',
        '-crl_check',
        '-CAfile',
        caFile(ca, 'ca.crt'),
        '-CRLfile',
        crl,
        join(ca.dir, name, 'node.crt'),
      ]);
    assert.equal((await verify('kept')).ok, true);
    assert.match((await verify('lost')).output, /certificate revoked/);
    const again = await ca.run(['ca', 'revoke', 'lost', '--json']);
    assert.deepEqual((JSON.parse(again.out) as { revoked: string[] }).revoked, []);
    assert.equal((await ca.run(['ca', 'crl', '--out', 'next.pem'])).code, 0);
    const next = await openssl(['crl', '-noout', '-crlnumber', '-in', join(ca.dir, 'next.pem')]);
    assert.match(next.output, /0x0?3\b/);
  });

  test('encrypts the key so that openssl opens it only with the passphrase', async () => {
    await using ca = await makeCaCli();
    const env = { MCO_DEPLOY_CA_PASSPHRASE: 'correct horse' };
    assert.equal((await ca.run(['ca', 'init', '--realm', 'devco.net'], env)).code, 0);
    const open = (passphrase: string) =>
      openssl(['pkey', '-noout', '-passin', `pass:${passphrase}`, '-in', caFile(ca, 'ca.key')]);
    assert.equal((await open('correct horse')).ok, true);
    assert.equal((await open('wrong')).ok, false);
    const nobody = await ca.run(['ca', 'issue', 'node', 'dev1']);
    assert.equal(nobody.code, 64);
    assert.match(nobody.err, /^passphrase-needed: /);
    assert.match(
      (await ca.run(['ca', 'issue', 'node', 'dev1'], { MCO_DEPLOY_CA_PASSPHRASE: 'x' })).err,
      /^bad-passphrase: /,
    );
    await writeFile(join(ca.dir, 'pass'), 'correct horse\n', { mode: 0o600 });
    const byFile = await ca.run(['ca', 'issue', 'node', 'dev1', '--passphrase-file', 'pass']);
    assert.equal(byFile.code, 0, byFile.err);
    assert.equal(byFile.err, '');
    assert.equal((await ca.run(['ca', 'list'])).code, 0);
  });
});

describe('enrolment', () => {
  test('keeps the key, and signs the request for the name that the operator gives and the fingerprint that both see', async () => {
    await using ca = await withCa();
    const enrolled = await ca.run(['enroll', 'dev3.devco.net', '--out', 'host', '--json']);
    assert.equal(enrolled.code, 0, enrolled.err);
    const { fingerprint, fresh } = JSON.parse(enrolled.out) as { fingerprint: string; fresh: boolean };
    assert.equal(fresh, true);
    const host = (name: string) => join(ca.dir, 'host', name);
    assert.equal((await stat(host('node.key'))).mode & 0o777, 0o600);
    const spki = `openssl pkey -in ${host('node.key')} -pubout -outform der | openssl dgst -sha256 -binary | base64`;
    const { stdout } = await run('sh', ['-c', spki]);
    assert.equal(fingerprint, `SHA256:${stdout.trim().replace(/=+$/, '')}`);
    assert.equal((await openssl(['req', '-noout', '-verify', '-in', host('node.csr')])).ok, true);
    const sign = (...more: string[]) => ca.run(['ca', 'sign', 'host/node.csr', 'node', 'dev3.devco.net', ...more]);
    assert.match((await sign()).err, /fingerprint-needed: /);
    assert.match((await sign('--fingerprint', 'SHA256:x')).err, /^wrong-fingerprint: /);
    const signed = await sign('--fingerprint', fingerprint, '--bundle', 'dev3.tar.gz');
    assert.equal(signed.code, 0, signed.err);
    await run('tar', ['-xzf', join(ca.dir, 'dev3.tar.gz'), '-C', join(ca.dir, 'host')]);
    const key = await openssl(['pkey', '-in', host('node.key'), '-pubout']);
    assert.equal((await openssl(['x509', '-in', host('node.crt'), '-noout', '-pubkey'])).output, key.output);
    const again = await ca.run(['enroll', 'dev3.devco.net', '--out', 'host', '--json']);
    assert.deepEqual(
      { ...(JSON.parse(again.out) as object), request: '', key: '' },
      { kind: 'node', name: 'dev3.devco.net', key: '', fresh: false, request: '', fingerprint },
    );
  });

  test('reduces an openssl request that asks for every extension to its key', async () => {
    await using ca = await withCa();
    await mkdir(join(ca.dir, 'evil'));
    const [key, csr] = [join(ca.dir, 'evil/node.key'), join(ca.dir, 'evil/node.csr')];
    const asked = await openssl([
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', csr],
      ...['-subj', '/O=evil/CN=rip@devco.net'],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign,cRLSign'],
      ...['-addext', 'subjectAltName=URI:mco://devco.net/operator/rip@devco.net,DNS:*.devco.net'],
      ...['-addext', 'extendedKeyUsage=clientAuth,codeSigning'],
    ]);
    assert.equal(asked.ok, true, asked.output);
    assert.equal((await ca.run(['ca', 'sign', csr, 'node', 'dev1.devco.net', '--yes', '--out', 'out'])).code, 0);
    const { output } = await openssl(['x509', '-noout', '-text', '-in', join(ca.dir, 'out/node.crt')]);
    for (const trace of ['evil', 'rip@devco.net', 'CA:TRUE', 'Certificate Sign', 'Code Signing', '*.devco.net']) {
      assert.equal(output.includes(trace), false, trace);
    }
    const certificate = parseCertificate(await readFile(join(ca.dir, 'out/node.crt')));
    const authority = parseCertificate(await readFile(join(ca.dir, 'out/ca.crt')));
    const trust = { realm: 'devco.net', authorities: [authority], isRevoked: () => false };
    assert.equal(proveCertificate(certificate, 'node', trust, Date.now()).identity.name, 'dev1.devco.net');
    assert.throws(() => proveCertificate(certificate, 'operator', trust, Date.now()), { code: 'wrong-kind' });
    const pubkey = await openssl(['pkey', '-in', key, '-pubout']);
    assert.equal(
      (await openssl(['x509', '-in', join(ca.dir, 'out/node.crt'), '-noout', '-pubkey'])).output,
      pubkey.output,
    );
  });

  test('refuses a request with an RSA key, or an invalid one, without a trace', async () => {
    await using ca = await withCa();
    const csr = join(ca.dir, 'rsa.csr');
    const args = [
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      join(ca.dir, 'k'),
      '-subj',
      '/CN=x',
      '-out',
      csr,
    ];
    assert.equal((await openssl(args)).ok, true);
    assert.match((await ca.run(['ca', 'sign', csr, 'node', 'dev1', '--yes'])).err, /^bad-key: /);
    assert.match((await ca.run(['ca', 'sign', join(ca.dir, 'k'), 'node', 'dev1', '--yes'])).err, /^bad-request-file: /);
    assert.match((await ca.run(['ca', 'sign', 'none', 'node', 'dev1', '--yes'])).err, /^unreadable-file: /);
    assert.equal((await ca.run(['ca', 'list', '--all', '--json'])).out, '[]\n');
  });
});

describe('a bundle', () => {
  test('unpacks with tar into everything that a node needs to start', async () => {
    await using ca = await withCa();
    const made = await ca.run(['ca', 'issue', 'node', 'dev1.devco.net', '--bundle', 'out/dev1.tar.gz']);
    assert.equal(made.code, 0, made.err);
    const bundle = join(ca.dir, 'out/dev1.tar.gz');
    assert.equal((await stat(bundle)).mode & 0o777, 0o600);
    const etc = join(ca.dir, 'etc');
    await mkdir(etc);
    await run('tar', ['-xzf', bundle, '-C', etc]);
    assert.equal((await stat(join(etc, 'node.key'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(etc, 'node.crt'))).mode & 0o777, 0o644);
    assert.equal((await stat(join(etc, 'policies'))).isDirectory(), true);
    const config = parse(await readFile(join(etc, 'node.yaml'), 'utf8')) as Record<string, unknown>;
    assert.deepEqual(config.agents, { rpcutil: {}, lock: {}, crl: {}, audit: {} });
    assert.deepEqual(config.tls, { certificate: 'node.crt', key: 'node.key', ca: 'ca.crt', crl: 'crl.pem' });
    const policy = await readFile(join(etc, 'policies/default.policy'), 'utf8');
    assert.deepEqual(
      policy.split('\n').filter((line) => line !== '' && !line.startsWith('#')),
      ['policy default deny'],
    );
    const authority = parseCertificate(await readFile(join(etc, 'ca.crt')));
    assert.equal(readCrl(await readFile(join(etc, 'crl.pem'), 'utf8'), [authority]).number, 1);
    const verified = await openssl(['verify', '-CAfile', join(etc, 'ca.crt'), join(etc, 'node.crt')]);
    assert.equal(verified.ok, true, verified.output);
  });

  test('is not needed by the operator who creates the CA: --operator gives a certificate and a configuration', async () => {
    await using ca = await withCa(['--operator', 'rip@devco.net']);
    const at = (name: string) => join(ca.dir, '.config/mco-deploy', name);
    assert.equal((await stat(at('operator.key'))).mode & 0o777, 0o600);
    const verified = await openssl([
      'verify',
      '-crl_check',
      '-CRLfile',
      at('crl.pem'),
      '-CAfile',
      at('ca.crt'),
      at('operator.crt'),
    ]);
    assert.equal(verified.ok, true, verified.output);
    assert.match(await readFile(at('client.yaml'), 'utf8'), /^tls: \{ certificate: operator\.crt/m);
    const again = await ca.run(['ca', 'init', '--realm', 'other.net', '--dir', 'other', '--operator', 'rip@devco.net']);
    assert.equal(again.code, 64);
    assert.match(again.err, /operator\.key exists already/);
    assert.equal(existsSync(join(ca.dir, 'other')), false);
  });

  test('contains a client configuration if it is for an operator', async () => {
    await using ca = await withCa();
    assert.equal((await ca.run(['ca', 'issue', 'operator', 'rip@devco.net', '--bundle', 'rip.tgz'])).code, 0);
    const { stdout } = await run('tar', ['-tzf', join(ca.dir, 'rip.tgz')]);
    assert.deepEqual(stdout.trim().split('\n'), ['operator.key', 'operator.crt', 'ca.crt', 'crl.pem', 'client.yaml']);
    const yaml = await run('tar', ['-xzOf', join(ca.dir, 'rip.tgz'), 'client.yaml']);
    const config = parse(yaml.stdout) as Record<string, unknown>;
    assert.deepEqual(config.discovery, { method: 'mdns', interfaces: [], timeout: 2 });
  });

  test('never overwrites another without --force, and nothing is issued then', async () => {
    await using ca = await withCa();
    const issue = (...more: string[]) => ca.run(['ca', 'issue', 'node', 'dev1', '--bundle', 'a.tgz', ...more]);
    assert.equal((await issue()).code, 0);
    const refused = await issue();
    assert.equal(refused.code, 64);
    assert.match(refused.err, /^file-exists: /);
    assert.match(await listOf(ca), /\nnode\s+dev1\s+valid\s+\S+\s+4D[0-9A-F]{32}\n$/);
    assert.equal((await issue('--force')).code, 0);
    assert.equal((await listOf(ca)).trim().split('\n').length, 3, 'the heads of the columns, and two');
  });

  test('contains, after renewal, a certificate for the same key and no configuration', async () => {
    await using ca = await withCa();
    assert.equal((await ca.run(['ca', 'issue', 'node', 'dev1', '--out', 'host'])).code, 0);
    const renewed = await ca.run(['ca', 'renew', 'dev1', '--days', '9', '--bundle', 'new.tgz']);
    assert.equal(renewed.code, 0, renewed.err);
    await run('tar', ['-xzf', join(ca.dir, 'new.tgz'), '-C', join(ca.dir, 'host')]);
    const { stdout } = await run('tar', ['-tzf', join(ca.dir, 'new.tgz')]);
    assert.deepEqual(stdout.trim().split('\n'), ['node.crt', 'ca.crt', 'crl.pem']);
    const key = await openssl(['pkey', '-in', join(ca.dir, 'host/node.key'), '-pubout']);
    const certified = await openssl(['x509', '-in', join(ca.dir, 'host/node.crt'), '-noout', '-pubkey']);
    assert.equal(certified.output, key.output);
    const expiring = await ca.run(['ca', 'list', '--expiring', '30', '--json']);
    assert.equal((JSON.parse(expiring.out) as unknown[]).length, 1);
  });
});

describe('two CA commands at once', () => {
  test('concurrent commands lose no certificate that either issued', async () => {
    await using ca = await withCa();
    const names = ['a', 'b', 'c', 'd', 'e'];
    const ended = await Promise.all(names.map((name) => ca.start(['ca', 'issue', 'node', name])));
    for (const { code, err } of ended) assert.equal(code, 0, err);
    const list = JSON.parse((await ca.run(['ca', 'list', '--json'])).out) as { name: string }[];
    assert.deepEqual(
      list.map(({ name }) => name),
      names,
    );
  });
});

describe('bad input to a CA command', () => {
  test('prints one line that names the fault and where it is, and creates nothing', async () => {
    await using ca = await withCa();
    const cases: [string[], RegExp][] = [
      [['ca', 'init', '--realm', 'Dev Co'], /^bad-name: “Dev Co” is not a valid realm/],
      [['ca', 'init', '--realm', 'devco.net'], /^file-exists: there is a CA in /],
      [['ca', 'issue', 'node', '../../etc'], /^bad-name: “..\/..\/etc” is not a valid node name/],
      [['ca', 'issue', 'operator', 'a/b'], /^bad-name: /],
      [['ca', 'issue', 'node', 'dev1', '--days', '0'], /^usage: “0” is not a number of days/],
      [['ca', 'issue', 'node', 'dev1', '--days', '1e9'], /^usage: /],
      [['ca', 'issue', 'node', 'dev1', '--out', 'a', '--bundle', 'b'], /^usage: --out and --bundle/],
      [['ca', 'issue', 'node', 'dev1', '--dir', 'elsewhere'], /^no-ca: there is no CA in .*elsewhere/],
      [['ca', 'sign', 'x.csr', 'root', 'dev1'], /^usage: “root” is not a kind/],
      [['ca', 'revoke', 'dev9'], /^not-issued: /],
      [['ca', 'revoke', 'dev9', '--reason', 'keycompromise'], /^usage: .*did you mean “keyCompromise”/],
      [['ca', 'show', 'dev9'], /^not-issued: /],
    ];
    for (const [args, expected] of cases) {
      const { code, out, err } = await ca.run(args);
      assert.equal(code, 64, args.join(' '));
      assert.equal(out, '');
      assert.match(err, expected);
      assert.equal(err.trimEnd().includes('\n'), false, err);
    }
    assert.equal((await ca.run(['ca', 'list', '--all', '--json'])).out, '[]\n');
  });
});

async function listOf(ca: CaCli): Promise<string> {
  return (await ca.run(['ca', 'list'])).out;
}
