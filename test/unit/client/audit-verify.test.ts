import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Authority } from '../../../src/ca/x509/authority.ts';
import { chainStart, formatLine } from '../../../src/core/audit/record.ts';
import { identityOf, parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { pemBlocks } from '../../../src/core/credentials/credentials.ts';
import { defineIdentity } from '../../../src/core/identity.ts';
import { type ChainedFleet, makeChainedFleet } from '../../support/fleet/chain.ts';
import { runInProcess } from '../../support/program/cli.ts';

const name = 'dev2.devco.net';
let directory: string;
let fleet: ChainedFleet;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'mco-verify-'));
  fleet = await makeChainedFleet(directory);
});
after(() => rmSync(directory, { recursive: true }));

/** The log of a node with one record, beside its certificate. @returns its path */
function writeLog({ certificate, key }: { readonly certificate: string; readonly key: string }): string {
  const own = parseCertificate(pemBlocks(readFileSync(certificate, 'utf8'))[0] ?? '');
  const identity = identityOf(own) ?? defineIdentity('node', 'devco.net', name);
  const credentials = { identity, certificate: own, key: createPrivateKey(readFileSync(key)) };
  const event = { kind: 'started', version: '1', certificate: own.raw.toString('base64') } as const;
  const log = join(dirname(certificate), 'audit.jsonl');
  writeFileSync(log, `${formatLine(event, chainStart, credentials, Date.now())}\n`);
  return log;
}

/** A node below an intermediate CA, with only the root in ca.crt. @returns its node.yaml */
async function makeNode(issuer: Authority, withChain: boolean): Promise<string> {
  const log = writeLog(await fleet.holder('node', name, issuer, { withChain }));
  const config = join(dirname(log), 'node.yaml');
  writeFileSync(config, 'tls: { certificate: own.crt }\naudit: { file: audit.jsonl }\nstate: .\n');
  return config;
}

// The order counts: a CA that was once found is known to this process from then on.
describe('audit verify on a node below an intermediate CA', () => {
  test('reports which file could have the CA that is missing', async () => {
    const { code, out, err } = await runInProcess(
      ['audit', 'verify', '--config', await makeNode(fleet.first, false)],
      '',
    );
    assert.equal(code, 2);
    assert.match(out.join(), /: foreign: record 1: /);
    assert.match(err.join(), /give --ca a file that has the root and those$/);
  });

  test('finds the CA in the list of revocations, as after a rotation', async () => {
    const config = await makeNode(fleet.second, false);
    const list = fleet.list(fleet.second, []) + fleet.second.certificate.toString();
    writeFileSync(join(dirname(config), 'crl.pem'), list);
    const { code, out } = await runInProcess(['audit', 'verify', '--config', config], '');
    assert.equal(code, 0, out.join());
  });

  test('finds the CA in the file of the node’s certificate', async () => {
    const { code, out } = await runInProcess(['audit', 'verify', '--config', await makeNode(fleet.first, true)], '');
    assert.equal(code, 0, out.join());
  });

  test('accepts the CA beside the root in the file of --ca', async () => {
    const third = await makeChainedFleet(mkdtempSync(join(directory, 'third-')));
    const files = await third.holder('node', name, third.first, { withChain: false });
    appendFileSync(files.ca, third.first.certificate.toString());
    const words = ['audit', 'verify', '--file', writeLog(files), '--ca', files.ca];
    const { code, out } = await runInProcess(words, '');
    assert.equal(code, 0, out.join());
  });
});

describe('audit verify of a copy of a log, where there is no node', () => {
  const verify = (home: string, log: string) =>
    runInProcess(['audit', 'verify', '--config', join(home, 'none.yaml'), '--file', log], home);

  test('uses the CA of the operator’s configuration', async () => {
    const log = writeLog(await fleet.holder('node', name, fleet.first, { withChain: false }));
    const home = mkdtempSync(join(directory, 'home-'));
    const { out, err } = await verify(home, log);
    assert.deepEqual([out, err], [[], ['mco-deploy: no CA certificate is known: give --ca FILE']]);
    const operator = join(home, '.config/mco-deploy');
    mkdirSync(operator, { recursive: true });
    for (const name of ['ca.crt', 'own.crt']) copyFileSync(join(dirname(log), name), join(operator, name));
    const tls = '{ certificate: own.crt, key: own.key, ca: ca.crt, crl: crl.pem }';
    writeFileSync(join(operator, 'client.yaml'), `tls: ${tls}\n`);
    writeFileSync(join(operator, 'crl.pem'), fleet.first.certificate.toString());
    const found = await verify(home, log);
    assert.deepEqual([found.code, found.err], [0, []], found.out.join());
    assert.match(found.out.join(), /: 1 record is valid; the last is 1:/);
  });
});
