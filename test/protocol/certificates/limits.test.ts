import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import type { Problem } from '../../../src/core/errors.ts';
import type { Identity } from '../../../src/core/identity.ts';
import { rememberIssuers } from '../../../src/core/credentials/issuers.ts';
import { proveCertificate } from '../../../src/core/credentials/proof.ts';
import { tlsVersion } from '../../../src/transport/tls.ts';
import { openssl } from '../../support/openssl.ts';

let directory: string;
after(() => rm(directory, { recursive: true }));

const at = (name: string) => join(directory, name);
let made = 0;

const run = async (...args: string[]) => {
  const { ok, output } = await openssl(args);
  assert.ok(ok, output);
};

/** A key and a request for a certificate, by openssl. Returns their file, without its ending. */
async function request(subject = `CN=test ${made + 1}`): Promise<string> {
  const file = at(`${++made}`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${file}.key`];
  await run('req', ...key, '-subj', `/${subject}`, '-out', `${file}.csr`);
  return file;
}

/** A certificate with these extensions, by the CA or by itself. Returns its file. */
async function sign(of: string, extensions: readonly string[], by?: string): Promise<string> {
  const [certificate, names] = [at(`${++made}.crt`), at(`${made}.ext`)];
  await writeFile(names, `${extensions.join('\n')}\n`);
  const signer = by === undefined ? ['-signkey', `${of}.key`] : ['-CA', by, '-CAkey', `${by}.key`];
  await run('x509', '-req', '-in', `${of}.csr`, ...signer, '-days', '2', '-extfile', names, '-out', certificate);
  await copyFile(`${of}.key`, `${certificate}.key`);
  return certificate;
}

const read = (file: string) => readFile(file, 'utf8');
const ca = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'];
const usage = { node: 'serverAuth,clientAuth', operator: 'clientAuth' };
const leafOf = (kind: Identity['kind']) => [
  'keyUsage=critical,digitalSignature',
  `extendedKeyUsage=${usage[kind]}`,
  `subjectAltName=URI:mco://devco.net/${kind}/one`,
];

/** Replaces the extensions of the same names. */
function change(extensions: readonly string[], changes: readonly string[]): string[] {
  const names = changes.map((one) => one.split('=')[0]);
  return [...extensions.filter((one) => !names.includes(one.split('=')[0])), ...changes];
}

interface Limits {
  readonly root?: readonly string[];
  readonly above?: readonly string[];
  readonly leaf?: readonly string[];
  /** Whether the certificate has the name of its CA. */
  readonly isNamesake?: boolean;
}

/** What is the same in every case. */
let common: { readonly root: string; readonly own: string; readonly plain: string };
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-limits-'));
  const [root, own] = [await sign(await request(), ca), await request()];
  common = { root, own, plain: await sign(await request(), leafOf('node'), root) };
});

/** The files of a root and of the CA below it. */
async function makeIssuers({ root, above = [] }: Limits): Promise<readonly [root: string, intermediate: string]> {
  const file = root === undefined ? common.root : await sign(await request(), change(ca, root));
  return [file, await sign(await request(), change(ca, above), file)];
}

/** What TLS says of a certificate, and what the check of a signed request or reply says. */
async function judge(
  kind: Identity['kind'],
  [root, intermediate]: readonly [string, string],
  { leaf = [], isNamesake = false }: Limits,
) {
  const holderRequest = isNamesake ? await request(new X509Certificate(await read(intermediate)).subject) : common.own;
  const own = await sign(holderRequest, change(leafOf(kind), leaf), intermediate);
  const plain = root === common.root ? common.plain : await sign(common.own, leafOf('node'), root);
  const [rootPem, intermediatePem, ownPem] = [await read(root), await read(intermediate), await read(own)];
  const holder = { key: await read(`${own}.key`), cert: ownPem + intermediatePem };
  const other = { key: await read(`${plain}.key`), cert: await read(plain) };
  const [server, client] = kind === 'node' ? [holder, other] : [other, holder];
  const trust = { realm: 'devco.net', authorities: [new X509Certificate(rootPem)], isRevoked: () => false };
  let fault = '';
  try {
    rememberIssuers([new X509Certificate(intermediatePem)], trust);
    proveCertificate(new X509Certificate(ownPem), kind, trust, Date.now());
  } catch (error) {
    fault = (error as Problem).message;
  }
  return { tls: await isAccepted(server, client, rootPem), fault };
}

type Holder = { readonly key: string; readonly cert: string };

async function isAccepted(server: Holder, client: Holder, ca: string): Promise<boolean> {
  const listener = createServer({ ...server, ...tlsVersion, ca, requestCert: true, rejectUnauthorized: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const greeted = new Promise<boolean>((resolve) => {
    listener.once('secureConnection', (socket) => {
      socket.on('error', () => {});
      socket.end('hello');
    });
    const { port } = listener.address() as AddressInfo;
    const host = { host: '127.0.0.1', port, checkServerIdentity: () => undefined };
    const socket = connect({ ...client, ...tlsVersion, ...host, ca });
    socket.once('data', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
  listener.on('tlsClientError', () => {});
  const is = await greeted;
  listener.close();
  return is;
}

const unknownExtension = '1.2.3.4=ASN1:UTF8String:x';
const ofNames =
  /^the name constraints of the CA “CN=test \d+” do not allow the names of the (CA|certificate) “CN=test \d+”$/;
const ofUse = /^the extended key usage of the (CA|certificate) “CN=test \d+” does not include /;
const ofKey = /^the key usage of the certificate “CN=test \d+” is not for signatures$/;
const ofUnknown = /^the (CA|certificate) “CN=test \d+” has a critical extension that is not known here$/;
const foreign = /^the certificate was not issued by this fleet's CA/;
const fine = /^$/;

/** What is said of a node's certificate, and of an operator's. */
const cases: readonly [what: string, limits: Limits, node: RegExp, operator: RegExp][] = [
  ['no limits', {}, fine, fine],
  ['names of the realm permitted', { above: ['nameConstraints=critical,permitted;URI:devco.net'] }, fine, fine],
  ['in capitals', { above: ['nameConstraints=critical,permitted;URI:DevCo.net'] }, fine, fine],
  ['one of two permitted', { above: ['nameConstraints=permitted;URI:a.net,permitted;URI:devco.net'] }, fine, fine],
  ['names of another realm alone', { above: ['nameConstraints=permitted;URI:other.net'] }, ofNames, ofNames],
  [
    'names of another realm alone, for a certificate with the name of its CA',
    { above: ['nameConstraints=permitted;URI:other.net'], isNamesake: true },
    ofNames,
    ofNames,
  ],
  ['names below the realm alone', { above: ['nameConstraints=permitted;URI:.devco.net'] }, ofNames, ofNames],
  ['names in the domain above it', { above: ['nameConstraints=permitted;URI:.net'] }, fine, fine],
  ['names of the realm excluded', { above: ['nameConstraints=excluded;URI:devco.net'] }, ofNames, ofNames],
  ['names of another realm excluded', { above: ['nameConstraints=excluded;URI:other.net'] }, fine, fine],
  ['the names of a root', { root: ['nameConstraints=permitted;URI:other.net'] }, ofNames, ofNames],
  [
    'the name of the CA below a root',
    { root: ['nameConstraints=permitted;URI:devco.net'], above: ['subjectAltName=URI:mco://other.net/ca'] },
    foreign,
    foreign,
  ],
  [
    'another name that has no host',
    {
      above: ['nameConstraints=permitted;URI:devco.net'],
      leaf: ['subjectAltName=URI:mco://devco.net/node/one,URI:urn:x'],
    },
    ofNames,
    ofNames,
  ],
  ['a CA for clients alone', { above: ['extendedKeyUsage=clientAuth'] }, ofUse, fine],
  ['a CA for servers alone', { above: ['extendedKeyUsage=serverAuth'] }, fine, ofUse],
  ['a root for mail alone', { root: ['extendedKeyUsage=emailProtection'] }, ofUse, ofUse],
  ['a certificate for mail alone', { leaf: ['extendedKeyUsage=emailProtection'] }, ofUse, ofUse],
  ['a certificate for any use', { leaf: ['extendedKeyUsage=anyExtendedKeyUsage'] }, ofUse, ofUse],
  ['a key that signs CAs alone', { leaf: ['keyUsage=critical,keyCertSign'] }, ofKey, ofKey],
  ['a key that does not sign', { leaf: ['keyUsage=dataEncipherment'] }, ofKey, ofKey],
  ['a key for agreement', { leaf: ['keyUsage=keyAgreement'] }, fine, fine],
  ['a CA whose key signs no certificates', { above: ['keyUsage=critical,digitalSignature'] }, foreign, foreign],
  ['a critical extension of a CA', { above: [unknownExtension.replace('=', '=critical,')] }, foreign, foreign],
  ['a critical extension', { leaf: [unknownExtension.replace('=', '=critical,')] }, ofUnknown, ofUnknown],
  ['an extension that is not critical', { above: [unknownExtension], leaf: [unknownExtension] }, fine, fine],
  ['a critical policy', { above: ['certificatePolicies=critical,1.2.3'] }, fine, fine],
];

describe('the limits of CAs apply to signatures as they do to TLS:', () => {
  for (const [what, limits, node, operator] of cases) {
    test(what, async () => {
      const issuers = await makeIssuers(limits);
      for (const kind of ['node', 'operator'] as const) {
        const leaf = limits.leaf?.map((one) => one.replace('/node/', `/${kind}/`));
        const { tls, fault } = await judge(kind, issuers, { ...limits, ...(leaf && { leaf }) });
        const expected = kind === 'node' ? node : operator;
        assert.match(fault, expected, kind);
        assert.equal(tls, expected === fine, `TLS: ${kind}`);
      }
    });
  }
});
