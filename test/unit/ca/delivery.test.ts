import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, before, beforeEach, describe, test } from 'node:test';
import { type CredentialDelivery, type DeliveryTarget, deliver, requireFree } from '../../../src/ca/delivery.ts';
import { issueCertificate } from '../../../src/ca/issue.ts';
import { makeAuthority } from '../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';

const now = Date.UTC(2026, 0, 2);
let delivery: CredentialDelivery;
let root: string;
before(async () => {
  const authority = await makeAuthority('devco.net', now);
  const { publicKey, privateKey: key } = makeKeyPair();
  const holder = { kind: 'node', name: 'dev1.devco.net' } as const;
  const certificate = await issueCertificate({ ...holder, publicKey, now }, authority);
  const ca = String(authority.certificate);
  delivery = { ...holder, certificate, issuers: 'above', key, ca, crl: 'a list', starting: true };
});
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-delivery-');
});
afterEach(() => rmSync(root, { recursive: true }));

const into = (more: Partial<DeliveryTarget> = {}): DeliveryTarget => ({
  ...{ form: 'directory', path: root, replace: false, ...more },
});
const modeOf = (file: string) => statSync(join(root, file)).mode & 0o777;

describe('the files for a holder of a certificate', () => {
  test('are there with the issuers, and only their owner can read the key, under any umask', async () => {
    const usual = process.umask(0);
    try {
      const written = await deliver(delivery, into(), now);
      const names = ['node.key', 'node.crt', 'ca.crt', 'crl.pem'];
      assert.deepEqual(
        written,
        names.map((name) => join(root, name)),
      );
      assert.deepEqual(readdirSync(root).sort(), names.sort(), 'no mark of an incomplete delivery is left');
      assert.deepEqual(['node.key', 'node.crt', 'ca.crt', 'crl.pem'].map(modeOf), [0o600, 0o644, 0o644, 0o644]);
      assert.equal(readFileSync(join(root, 'node.crt'), 'utf8'), `${delivery.certificate}above`);
      const path = join(root, 'dev1.tar.gz');
      assert.deepEqual(await deliver(delivery, into({ form: 'bundle', path }), now), [path]);
      assert.equal(modeOf('dev1.tar.gz'), 0o600, 'it has the key, too');
    } finally {
      process.umask(usual);
    }
  });

  test('replace no certificate or key unless that is asked for, but an older list', async () => {
    writeFileSync(join(root, 'crl.pem'), 'an older list');
    await deliver(delivery, into(), now);
    assert.equal(readFileSync(join(root, 'crl.pem'), 'utf8'), 'a list');
    writeFileSync(join(root, 'crl.pem'), 'an older list');
    const { key: _key, ...without } = delivery;
    await assert.rejects(deliver(without, into(), now), { code: 'file-exists' });
    await assert.rejects(requireFree(into(), delivery, true), { code: 'file-exists' }, 'what is there is whole');
    await deliver(without, into({ replace: true }), now);
    assert.equal(readFileSync(join(root, 'crl.pem'), 'utf8'), 'a list');
    const bundle = into({ form: 'bundle', path: join(root, 'dev1.tar.gz') });
    await deliver(delivery, bundle, now);
    await assert.rejects(deliver(delivery, bundle, now), { code: 'file-exists' });
  });

  test('are refused early where one is in the way, and where another CA is trusted', async () => {
    const refused = async (name: string, content: string, withKey: boolean, target = into()) => {
      writeFileSync(join(root, name), content);
      try {
        await requireFree(target, delivery, withKey);
        return 'free';
      } catch (error) {
        return (error as Error).message.slice(root.length + 1);
      } finally {
        rmSync(join(root, name));
      }
    };
    for (const withKey of [true, false]) {
      assert.equal(await refused('node.crt', '', withKey), 'node.crt exists already');
      assert.equal(await refused('ca.crt', 'another', withKey), 'ca.crt is of another CA');
      assert.equal(await refused('ca.crt', delivery.ca, withKey), 'free');
      assert.equal(await refused('crl.pem', 'an older list', withKey), 'free');
    }
    assert.equal(await refused('node.key', '', true), 'node.key exists already');
    assert.equal(await refused('node.key', '', false), 'free', 'the holder has made it');
    assert.equal(await refused('node.key', '', true, into({ replace: true })), 'free');
    const bundle = into({ form: 'bundle', path: join(root, 'dev1.tar.gz') });
    assert.equal(await refused('dev1.tar.gz', '', true, bundle), 'dev1.tar.gz exists already');
    assert.equal(await refused('node.crt', '', true, bundle), 'free');
  });

  test('may replace what a command that was cut off has left, of the same kind', async () => {
    for (const name of ['node.key', 'node.crt', '.operator.incomplete']) writeFileSync(join(root, name), 'half');
    await assert.rejects(requireFree(into(), delivery, true), { code: 'file-exists' });
    rmSync(join(root, 'node.key'));
    // The key is written, and then the certificate is in the way.
    await assert.rejects(deliver(delivery, into(), now), { code: 'file-exists' });
    await requireFree(into(), delivery, true);
    await deliver(delivery, into(), now);
    assert.equal(readFileSync(join(root, 'node.crt'), 'utf8'), `${delivery.certificate}above`);
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('.')),
      ['.operator.incomplete'],
    );
  });
});
