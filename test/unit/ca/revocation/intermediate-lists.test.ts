import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startCrlKeeper } from '../../../../src/ca/revocation/crl-keeper.ts';
import { makeRevocationList } from '../../../../src/ca/revocation/revocation-list.ts';
import { type ListedRevocations, readRevocations } from '../../../../src/ca/revocation/revocations.ts';
import { type Authority, certifyIntermediate, makeRoot } from '../../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import type { LiveCredentials } from '../../../../src/core/credentials/live-credentials.ts';

const now = Date.now();
const lost = '4D00112233445566778899AABBCCDDEEFF';

async function makeBelow(root: Authority): Promise<Authority> {
  const { publicKey, privateKey: key } = makeKeyPair();
  return { realm: root.realm, certificate: await certifyIntermediate(root, publicKey, now), key };
}

function listOf(authority: Authority, number: number, ...serials: string[]): string {
  const revoked = serials.map((serial) => ({ serial, at: now, reason: 'keyCompromise' as const }));
  return makeRevocationList({ revoked, number, now, days: 30 }, authority);
}

describe('the list of an unknown intermediate CA', () => {
  test('takes effect if its certificate is in the same file and leads to a trusted root', async () => {
    const [root, stranger] = [await makeRoot('devco.net', now), await makeRoot('devco.net', now)];
    const [below, foreign] = [await makeBelow(root), await makeBelow(stranger)];
    const read = (pem: string) => readRevocations(pem, [root.certificate]);
    const lists = `${listOf(root, 1)}${listOf(below, 1, lost)}`;
    const inForce = async (pem: string) => (await read(pem)).lists.length;
    assert.equal(await inForce(lists), 1, 'nobody knows who signed it');
    const { isRevoked, lists: both } = await read(`${lists}${below.certificate}`);
    assert.deepEqual([both.length, isRevoked(lost, below.certificate)], [2, true]);
    const forged = `${listOf(root, 1)}${listOf(foreign, 1, lost)}${foreign.certificate}`;
    assert.equal(await inForce(forged), 1);
  });

  test('is kept by a node with the certificate, and over a reload', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'mco-lists-'));
    try {
      const file = join(directory, 'crl.pem');
      const root = await makeRoot('devco.net', now);
      const below = await makeBelow(root);
      const authorities = [root.certificate];
      let revocations: ListedRevocations | undefined;
      const credentials = {
        current: () => ({ trust: { authorities }, credentials: {} }),
        revocations: () => revocations,
        warnings: () => [],
        reload: async () => {
          revocations = await readRevocations(readFileSync(file, 'utf8'), authorities, revocations);
        },
      } as unknown as LiveCredentials;
      const keeper = startCrlKeeper(file, credentials);
      const pem = `${listOf(root, 1)}${listOf(below, 1, lost)}${below.certificate}`;
      assert.equal((await keeper.install(pem, false)).lists.length, 2);
      assert.match(readFileSync(file, 'utf8'), /BEGIN CERTIFICATE/);
      await keeper.install(listOf(root, 2), false);
      const isRevoked = () => revocations?.isRevoked(lost, below.certificate);
      assert.equal(isRevoked(), true, 'a list of the root alone takes nothing back');

      const last = listOf(root, 3, below.certificate.serialNumber);
      const { lists } = await keeper.install(last, false);
      assert.deepEqual(
        lists.map(({ number }) => number).sort(),
        [1, 3],
        'the list of a CA that is revoked stays: another root may have signed the same key',
      );
      assert.equal(isRevoked(), true);
      assert.equal(revocations?.isRevoked(below.certificate.serialNumber, root.certificate), true);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
