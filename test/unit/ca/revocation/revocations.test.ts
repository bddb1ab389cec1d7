import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readCrl } from '../../../../src/ca/revocation/crl.ts';
import { makeRevocationList } from '../../../../src/ca/revocation/revocation-list.ts';
import { isNewer, newest, readRevocations } from '../../../../src/ca/revocation/revocations.ts';
import { type Authority, makeAuthority } from '../../../../src/ca/x509/authority.ts';

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

describe('one revocation list replaces another', () => {
  test('by its number, unless its date is older, and only when it is of the same CA', async () => {
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

  test('and only the newest of each CA is left', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const list = (made: Made, by = mine) => readCrl(pemOf(by, made), [by.certificate]);
    const [first, second, foreign] = [list({ number: 1 }), list({ number: 2 }), list({ number: 9 }, other)];
    assert.deepEqual(newest([first, second, foreign, second]), [second, foreign]);
    assert.deepEqual(newest([second, first]), [second]);
  });
});

describe('revocations that are read again', () => {
  test('stay revoked when an older list is put on the disk, with a warning that names the list in force', async () => {
    const mine = await makeAuthority('devco.net', now);
    const authorities = [mine.certificate];
    const issuer = mine.certificate.fingerprint256;
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

  test('are refused when no CA of the fleet signed the list on the disk, while a delivered list may be of another', async () => {
    const [mine, other] = await Promise.all([makeAuthority('devco.net', now), makeAuthority('devco.net', now)]);
    const foreign = pemOf(other, { number: 1, revoked: [lost] });
    await assert.rejects(readRevocations(foreign, [mine.certificate]), { code: 'foreign-crl' });
    const { lists, isRevoked } = await readRevocations(undefined, [mine.certificate], undefined, foreign);
    assert.deepEqual(lists, []);
    assert.equal(isRevoked(lost, other.certificate.fingerprint256), false);
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
