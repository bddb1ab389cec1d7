import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readRevocations } from '../../../../src/ca/revocation/revocations.ts';
import type { Trust } from '../../../../src/core/credentials/proof.ts';
import { loadCredentials } from '../../../../src/core/credentials/credentials.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

const day = 86_400_000;

describe('credentials', () => {
  let fleet: Fleet;
  let member: Member;
  let crl: string;
  before(async () => {
    fleet = await makeFleet();
    member = await fleet.node('dev1.devco.net');
    crl = join(member.files.directory, 'crl.pem');
  });
  after(() => fleet.remove());
  const load = (before?: Parameters<typeof loadCredentials>[4]) =>
    loadCredentials({ ...member.files, crl }, 'node', readRevocations, Date.now(), before);

  test('warn of the end of the certificate and of the CA by the current time', async () => {
    const { warnings } = await load();
    const end = Date.parse(member.certificate.validTo);
    assert.deepEqual(warnings(end - 31 * day), []);
    assert.match(warnings(end - 1.5 * day).join(), /^the certificate ends in 36 hours \(.*\): renew it$/);
    assert.match(warnings(end + day).join(), /^the certificate ended on /);
    const caEnd = Date.parse(fleet.authority.certificate.validTo);
    const last = warnings(caEnd - 5.5 * day).at(-1) ?? '';
    assert.match(last, /^the CA’s certificate ends in 5 days .*“mco-deploy ca rollover”$/);
  });

  test('drop no revocation when the list is replaced by an older one, or is gone', async () => {
    const older = await fleet.crl();
    const eve = await fleet.operator('eve');
    fleet.revoke(eve);
    const newer = await fleet.crl();
    const isRevoked = (trust: Pick<Trust, 'isRevoked'>) =>
      trust.isRevoked(eve.certificate.serialNumber, fleet.authority.certificate);

    await writeFile(crl, older);
    const first = await load();
    assert.equal(isRevoked(first.trust), false);
    await writeFile(crl, newer);
    const second = await load(first.revocations);
    assert.deepEqual([isRevoked(second.trust), second.warnings(Date.now())], [true, []]);
    await writeFile(crl, older);
    const third = await load(second.revocations);
    assert.equal(isRevoked(third.trust), true);
    assert.match(third.warnings(Date.now()).join(), /older than list 2, which stays in force/);
    await rm(crl);
    const fourth = await load(third.revocations);
    assert.equal(isRevoked(fourth.trust), true);
    assert.match(fourth.warnings(Date.now()).join(), /is missing: its revocations stay in force until a restart/);
    await writeFile(crl, newer);
    const fifth = await load(fourth.revocations);
    assert.deepEqual([isRevoked(fifth.trust), fifth.warnings(Date.now())], [true, []]);
  });

  test('use the newest of a placed list and a delivered one; a delivered one of another CA does not count', async () => {
    await using other = await makeFleet();
    const mallory = await fleet.operator('mallory');
    const isRevoked = ({ trust }: Awaited<ReturnType<typeof load>>) =>
      trust.isRevoked(mallory.certificate.serialNumber, fleet.authority.certificate);
    const delivered = join(member.files.directory, 'delivered.pem');
    const loadBoth = () => loadCredentials({ ...member.files, crl, delivered }, 'node', readRevocations, Date.now());
    const older = await fleet.crl();
    fleet.revoke(mallory);
    const newer = await fleet.crl();
    for (const [placedList, broughtList] of [
      [older, newer],
      [newer, older],
      [newer, await other.crl()],
    ] as const) {
      await writeFile(crl, placedList);
      await writeFile(delivered, broughtList);
      const loaded = await loadBoth();
      assert.deepEqual([isRevoked(loaded), loaded.warnings(Date.now())], [true, []]);
    }
    await rm(crl);
    assert.equal(isRevoked(await loadBoth()), false);
    await writeFile(delivered, newer);
    assert.equal(isRevoked(await loadBoth()), true, 'a delivered list alone');
    await writeFile(crl, await other.crl());
    await assert.rejects(loadBoth(), { code: 'foreign-crl' });
  });
});
