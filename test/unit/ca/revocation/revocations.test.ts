import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readCrl } from '../../../../src/ca/revocation/crl.ts';
import { makeRevocationList } from '../../../../src/ca/revocation/revocation-list.ts';
import {
  isNewer,
  listsOf,
  newest,
  readRevocations,
  withoutRevokedCas,
} from '../../../../src/ca/revocation/revocations.ts';
import { type Authority, certifyIntermediate, makeAuthority, makeRoot } from '../../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';

const day = 24 * 60 * 60 * 1000;
const now = Date.UTC(2026, 5, 1);
const lost = '4D00112233445566778899AABBCCDDEEFF';

interface Made {
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  readonly revoked?: readonly string[];
  readonly days?: number;
}

function pemOf(authority: Authority, { number, at = now, revoked = [], days = 30 }: Made): string {
  const entries = revoked.map((serial) => ({ serial, at, reason: 'keyCompromise' as const }));
  return makeRevocationList({ revoked: entries, number, now: at, days }, authority);
}

async function makeBelow(root: Authority): Promise<Authority> {
  const { publicKey, privateKey: key } = makeKeyPair();
  return { realm: root.realm, certificate: await certifyIntermediate(root, publicKey, now), key };
}

describe('the list of a CA that was revoked', () => {
  test('needs no successor', async () => {
    const root = await makeRoot('devco.net', now);
    const [below, third] = [await makeBelow(root), await makeBelow(root)];
    const authorities = [root.certificate];
    const list = (by: Authority, made: Made) => readCrl(pemOf(by, made), [by.certificate]);
    const [first, second] = [list(below, { number: 1 }), list(third, { number: 1 })];
    const above = list(root, { number: 1, revoked: [below.certificate.serialNumber] });
    assert.deepEqual(withoutRevokedCas([first, second, above], authorities), [second, above]);
    const another = list(third, { number: 2, revoked: [below.certificate.serialNumber] });
    assert.deepEqual(withoutRevokedCas([first, another], authorities), [first, another], 'another CA has no say');
    const unknown = await makeAuthority('devco.net', now);
    const foreign = list(unknown, { number: 1 });
    assert.deepEqual(
      withoutRevokedCas([foreign], authorities),
      [foreign],
      'no way leads to it, which is asked elsewhere',
    );
  });

  test('still counts: another root may have signed the same key', async () => {
    const [root, second] = await Promise.all([makeRoot('devco.net', now), makeRoot('devco.net', now)]);
    const below = await makeBelow(root);
    const again = await certifyIntermediate(second, below.certificate.publicKey, now);
    const authorities = [root.certificate, second.certificate, below.certificate];
    const lists =
      pemOf(below, { number: 1, revoked: ['0BAD'] }) +
      pemOf(root, { number: 1, revoked: [below.certificate.serialNumber] });
    const { isRevoked, lists: kept } = await readRevocations(lists, authorities);
    assert.equal(isRevoked('0BAD', again), true, 'by the path to the second root');
    assert.equal(isRevoked(below.certificate.serialNumber, root.certificate), true);
    assert.equal(kept.length, 2);
  });
});

describe('replacing a revocation list', () => {
  test('depends on its number, unless its date is older, and only within the same CA', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const list = (made: Made, by = mine) => readCrl(pemOf(by, made), [by.certificate]);
    const second = list({ number: 2 });
    assert.equal(isNewer(list({ number: 3, at: now + day }), second), true);
    assert.equal(isNewer(list({ number: 3 }), second), true, 'of the same moment');
    assert.equal(isNewer(list({ number: 3, at: now - 1000 }), second), false, 'an older date');
    assert.equal(isNewer(list({ number: 2, at: now + day }), second), false, 'the same number');
    assert.equal(isNewer(list({ number: 1, at: now + day }), second), false, 'a lower number');
    assert.equal(isNewer(list({ number: 3, at: now + day }, other), second), false, 'another CA');
  });

  test('leaves only the newest of each CA', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const list = (made: Made, by = mine) => readCrl(pemOf(by, made), [by.certificate]);
    const [first, second, foreign] = [list({ number: 1 }), list({ number: 2 }), list({ number: 9 }, other)];
    assert.deepEqual(newest([first, second, foreign, second]), [second, foreign]);
    assert.deepEqual(newest([second, first]), [second]);
    const again = list({ number: 2, at: now + day });
    assert.deepEqual(newest([second, again]), [second], 'the one that was there, of two that are not newer');
    assert.deepEqual(newest([foreign, second, again]), [foreign, second]);
  });
});

describe('revocations that are read again', () => {
  test('stay revoked if an older list is put on the disk, with a warning that names the list in effect', async () => {
    const mine = await makeAuthority('devco.net', now);
    const authorities = [mine.certificate];
    const issuer = mine.certificate;
    const before = await readRevocations(pemOf(mine, { number: 2, revoked: [lost] }), authorities);
    assert.deepEqual(before.warnings(now), []);
    const after = await readRevocations(pemOf(mine, { number: 1 }), authorities, before);
    assert.equal(after.isRevoked(lost, issuer), true);
    assert.match(after.warnings(now).join(), /older than list 2, which stays in force/);
    const back = await readRevocations(pemOf(mine, { number: 2, revoked: [lost] }), authorities, after);
    assert.deepEqual([back.isRevoked(lost, issuer), back.warnings(now)], [true, []]);
    const next = await readRevocations(pemOf(mine, { number: 3, at: now + day }), authorities, after);
    assert.deepEqual([next.isRevoked(lost, issuer), next.warnings(now + day)], [false, []], 'a newer one counts');
  });

  test('drop the lists of a CA that is no longer trusted', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const both = [mine.certificate, other.certificate];
    const before = await readRevocations(pemOf(mine, { number: 1, revoked: [lost] }), both);
    const after = await readRevocations(pemOf(other, { number: 1 }), [other.certificate], before);
    assert.deepEqual(
      after.lists.map(({ issuerFingerprint }) => issuerFingerprint),
      [other.certificate.fingerprint256],
    );
  });

  test('are refused if no CA of the fleet signed the list on the disk, while a delivered list may be of another', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const foreign = pemOf(other, { number: 1, revoked: [lost] });
    await assert.rejects(readRevocations(foreign, [mine.certificate]), { code: 'foreign-crl' });
    const { lists, isRevoked } = await readRevocations(undefined, [mine.certificate], undefined, foreign);
    assert.deepEqual(lists, []);
    assert.equal(isRevoked(lost, mine.certificate), false);
  });

  test('are those of the newest of several lists of a CA, in one file or two, without a warning', async () => {
    const mine = await makeAuthority('devco.net', now);
    const authorities = [mine.certificate];
    const [first, second] = [pemOf(mine, { number: 1, revoked: [lost] }), pemOf(mine, { number: 2 })];
    for (const [pem, brought] of [
      [first + second],
      [second + first],
      [first, second],
      [second, first],
      [undefined, first + second],
    ] as const) {
      const { lists, isRevoked, warnings } = await readRevocations(pem, authorities, undefined, brought);
      assert.deepEqual([lists.map(({ number }) => number), warnings(now)], [[2], []]);
      assert.equal(isRevoked(lost, mine.certificate), false);
    }
  });

  test('name as older only a list on the disk whose CA has a newer one in effect', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const authorities = [mine.certificate, other.certificate];
    const [first, second] = [pemOf(mine, { number: 1 }), pemOf(mine, { number: 2 })];
    const others = pemOf(other, { number: 1 });
    const before = await readRevocations(second + others, authorities);
    const after = await readRevocations(first + others, authorities, before);
    const words = 'the revocation list on the disk is older than list 2, which stays in force: copy that one back';
    assert.deepEqual(after.warnings(now), [words]);
    assert.deepEqual((await readRevocations(second, authorities, before)).warnings(now), [], 'the other stays');
  });
});

describe('revocations by an intermediate CA', () => {
  test('stay for an intermediate CA only while it leads to a trusted root', async () => {
    const [root, next] = [await makeRoot('devco.net', now), await makeAuthority('devco.net', now)];
    const below = await makeBelow(root);
    const both = pemOf(root, { number: 1 }) + pemOf(below, { number: 1, revoked: [lost] });
    const before = await readRevocations(both + below.certificate, [root.certificate]);
    const issuer = below.certificate;
    const again = pemOf(root, { number: 2 });
    assert.equal((await readRevocations(again, [root.certificate], before)).isRevoked(lost, issuer), true);
    const after = await readRevocations(pemOf(next, { number: 1 }), [next.certificate], before);
    assert.deepEqual([after.lists.length, after.isRevoked(lost, issuer)], [1, false]);
    // Trusted itself, without its root.
    const alone = await readRevocations(pemOf(below, { number: 2 }), [below.certificate], before);
    assert.deepEqual([alone.lists.length, alone.lists[0]?.number], [1, 2]);
    const kept = await readRevocations(undefined, [below.certificate], before);
    assert.deepEqual([kept.lists.length, kept.lists[0]?.number], [1, 1]);
  });

  test('include those of an intermediate CA whose certificate arrives after its list', async () => {
    const root = await makeRoot('devco.net', now);
    const [below, third] = [await makeBelow(root), await makeBelow(root)];
    const issuer = below.certificate;
    const lists =
      pemOf(third, { number: 1 }) + pemOf(below, { number: 1, revoked: [lost] }) + pemOf(root, { number: 1 });
    const { isRevoked } = await readRevocations(lists, [root.certificate]);
    for (const _ of [1, 2]) {
      assert.equal(isRevoked(lost, issuer), true);
      assert.equal(isRevoked('4D01', issuer), false);
    }
    assert.equal(isRevoked(lost, third.certificate), false);
    assert.equal(isRevoked(lost, root.certificate), false);
  });

  test('include them also if its list is alone, and by the newest if it has several', async () => {
    const root = await makeRoot('devco.net', now);
    const [below, third] = [await makeBelow(root), await makeBelow(root)];
    const other = '4D01';
    const read = (...lists: string[]) =>
      readRevocations(lists.join('') + pemOf(root, { number: 1 }), [root.certificate]);
    const first = pemOf(below, { number: 1, revoked: [lost] });
    const alone = await read(first);
    const several = await read(pemOf(below, { number: 2, revoked: [other] }), first);
    const issuer = below.certificate;
    const revokedBy = ({ isRevoked }: typeof alone) => [lost, other].map((serial) => isRevoked(serial, issuer));
    assert.deepEqual(
      [revokedBy(alone), revokedBy(several)],
      [
        [true, false],
        [false, true],
      ],
    );
    assert.equal(alone.isRevoked(lost, third.certificate), false, 'a CA without a list');
  });
});

describe('the lists behind revocations', () => {
  test('give their lists, and another check of revocation has none', async () => {
    assert.deepEqual(listsOf(undefined), []);
    assert.deepEqual(listsOf({ isRevoked: () => false, warnings: () => [] }), []);
    const mine = await makeAuthority('devco.net', now);
    const read = await readRevocations(pemOf(mine, { number: 1 }), [mine.certificate]);
    assert.equal(listsOf(read), read.lists);
  });

  test('warn of the list that is due first, and not without a list', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const both = pemOf(mine, { number: 1, days: 30 }) + pemOf(other, { number: 1, days: 10 });
    const { warnings } = await readRevocations(both, [mine.certificate, other.certificate]);
    assert.match(warnings(now + 4 * day).join(), /^a new revocation list is due by 2026-06-11T00:00:00\.000Z: /);
    const none = await readRevocations(undefined, [mine.certificate]);
    assert.deepEqual([none.warnings(now), none.isRevoked(lost, mine.certificate)], [[], false]);
  });

  test('warn from seven days before the next list is due, and also when it is overdue', async () => {
    const mine = await makeAuthority('devco.net', now);
    const { warnings, lists } = await readRevocations(pemOf(mine, { number: 1 }), [mine.certificate]);
    const due = lists[0]?.nextUpdate ?? 0;
    assert.deepEqual(warnings(due - 7 * day), []);
    assert.match(warnings(due - 7 * day + 1).join(), /^a new revocation list is due by/);
    assert.match(warnings(due).join(), /^a new revocation list is due by/);
    assert.match(warnings(due + 1).join(), /^a new revocation list has been due since/);
  });
});
