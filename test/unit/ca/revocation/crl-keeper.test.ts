import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startCrlKeeper } from '../../../../src/ca/revocation/crl-keeper.ts';
import { makeRevocationList } from '../../../../src/ca/revocation/revocation-list.ts';
import { type ListedRevocations, readRevocations } from '../../../../src/ca/revocation/revocations.ts';
import { type Authority, certifyIntermediate, makeAuthority, makeRoot } from '../../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import type { LiveCredentials } from '../../../../src/core/credentials/live-credentials.ts';

const now = Date.UTC(2026, 5, 1);
const day = 24 * 60 * 60 * 1000;
const lost = '4D00112233445566778899AABBCCDDEEFF';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'mco-keeper-'));
  file = join(directory, 'crl.pem');
});
afterEach(() => rmSync(directory, { recursive: true }));

function listOf(by: Authority, number: number, { revoked = [] as string[], at = now } = {}): string {
  const entries = revoked.map((serial) => ({ serial, at, reason: 'keyCompromise' as const }));
  return makeRevocationList({ revoked: entries, number, now: at, days: 30 }, by);
}

/** A keeper on a node that trusts these CAs. @param broken why a list that is written does not come into force */
function startKeeper(trusted: readonly Authority[], { issuers = [] as Authority[], broken = '' } = {}) {
  const authorities = trusted.map(({ certificate }) => certificate);
  const own = issuers.map(({ certificate }) => certificate);
  let revocations: ListedRevocations | undefined;
  const credentials = {
    current: () => ({ trust: { authorities }, credentials: own.length === 0 ? {} : { issuers: own } }),
    revocations: () => revocations,
    warnings: () => [broken],
    reload: async () => {
      if (broken === '') {
        revocations = await readRevocations(readFileSync(file, 'utf8'), [...authorities, ...own], revocations);
      }
    },
  } as unknown as LiveCredentials;
  const keeper = startCrlKeeper(file, credentials);
  const numbers = () => keeper.status().map(({ number }) => number);
  const install = async (pem: string, dryRun = false) => (await keeper.install(pem, dryRun)).changed;
  return { keeper, install, numbers, revocations: () => revocations };
}

describe('a revocation list that is delivered to a node', () => {
  test('takes effect if it is newer, and is reported with its content', async () => {
    const ca = await makeAuthority('devco.net', now);
    const { keeper, install, numbers } = startKeeper([ca]);
    assert.deepEqual(numbers(), []);
    assert.equal(await install(listOf(ca, 1, { revoked: [lost] })), true);
    assert.deepEqual(keeper.status(), [
      {
        issuer: ca.certificate.fingerprint256,
        number: 1,
        this_update: '2026-05-31T23:55:00.000Z',
        next_update: '2026-07-01T00:00:00.000Z',
        revoked: 1,
      },
    ]);
    assert.equal(statSync(file).mode & 0o777, 0o644);
    assert.equal(await install(listOf(ca, 2)), true);
    assert.deepEqual(numbers(), [2]);
  });

  test('is only checked in a dry run', async () => {
    const ca = await makeAuthority('devco.net', now);
    const { keeper, numbers } = startKeeper([ca]);
    const { changed, lists } = await keeper.install(listOf(ca, 1), true);
    assert.deepEqual([changed, lists.map(({ number }) => number)], [true, [1]]);
    assert.deepEqual([existsSync(file), numbers()], [false, []]);
  });

  test('changes nothing if it is already in effect', async () => {
    const ca = await makeAuthority('devco.net', now);
    const { install } = startKeeper([ca]);
    const pem = listOf(ca, 1);
    await install(pem);
    writeFileSync(file, 'as it was left');
    assert.equal(await install(pem), false);
    assert.equal(await install(pem, true), false);
    assert.equal(readFileSync(file, 'utf8'), 'as it was left');
  });

  test('is refused if it is not newer, with both numbers, unless another one delivered with it is', async () => {
    const [ca, next] = [await makeAuthority('devco.net', now), await makeAuthority('devco.net', now)];
    const { install, numbers } = startKeeper([ca, next]);
    await install(listOf(ca, 5));
    const old = listOf(ca, 4, { at: now - day });
    await assert.rejects(install(old), {
      code: 'old-crl',
      message:
        'list 4 of 2026-05-30T23:55:00.000Z is not newer than list 5 of 2026-05-31T23:55:00.000Z, which is in force here',
    });
    await assert.rejects(install(listOf(ca, 5, { at: now + day })), { code: 'old-crl' }, 'the numbers began again');
    assert.equal(await install(old + listOf(next, 1)), true);
    assert.deepEqual(numbers(), [5, 1]);
    assert.equal(await install(listOf(next, 2)), true, 'the other one stays');
    assert.deepEqual(numbers(), [5, 2]);
  });

  test('is kept if its CA is revoked: another root may have signed the same key', async () => {
    const root = await makeRoot('devco.net', now);
    const { publicKey, privateKey: key } = makeKeyPair();
    const below = { realm: 'devco.net', certificate: await certifyIntermediate(root, publicKey, now), key };
    const { install, numbers } = startKeeper([root]);
    await install(listOf(root, 1, { revoked: [below.certificate.serialNumber] }));
    assert.equal(await install(listOf(below, 1) + below.certificate), true);
    assert.deepEqual(numbers(), [1, 1]);
  });

  test('may be of the intermediate CA that issued the node’s own certificate', async () => {
    const root = await makeRoot('devco.net', now);
    const { publicKey, privateKey: key } = makeKeyPair();
    const below = { realm: 'devco.net', certificate: await certifyIntermediate(root, publicKey, now), key };
    await assert.rejects(startKeeper([root]).install(listOf(below, 1)), { code: 'foreign-crl' });
    const { install, numbers } = startKeeper([root], { issuers: [below] });
    assert.equal(await install(listOf(below, 1)), true);
    assert.deepEqual(numbers(), [1]);
  });

  test('is reported if it was written and does not take effect, alone or next to another', async () => {
    const [ca, next] = [await makeAuthority('devco.net', now), await makeAuthority('devco.net', now)];
    const words = 'the list was written, but is not in force: the key cannot be read';
    const broken = startKeeper([ca], { broken: 'the key cannot be read' });
    await assert.rejects(broken.install(listOf(ca, 1)), { code: 'not-in-force', message: words });
    assert.match(readFileSync(file, 'utf8'), /BEGIN X509 CRL/);
    // One of the two lists is in force when the file is read again.
    const lists = await readRevocations(listOf(ca, 1), [ca.certificate]);
    let reloaded = false;
    const keeper = startCrlKeeper(file, {
      current: () => ({ trust: { authorities: [ca.certificate, next.certificate] }, credentials: {} }),
      revocations: () => (reloaded ? lists : undefined),
      warnings: () => [],
      reload: async () => {
        reloaded = true;
      },
    } as unknown as LiveCredentials);
    const both = [...lists.lists].map(({ raw }) => raw.toString('base64')).join('');
    const pem = `-----BEGIN X509 CRL-----\n${both}\n-----END X509 CRL-----\n${listOf(next, 1)}`;
    await assert.rejects(keeper.install(pem, false), { code: 'not-in-force' });
  });
});
