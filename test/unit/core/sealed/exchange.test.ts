import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, createHash, hkdfSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeKeyPair, openKey, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import { openSealed, sealTo } from '../../../../src/core/sealed/exchange.ts';
import { envelopeCodec } from '../../../../src/core/wire/codec.ts';
import type { Envelope } from '../../../../src/core/wire/messages.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';

const target = 'dev1.devco.net';
const envelope: Envelope = {
  call: { request: Buffer.from('request'), signature: Buffer.from('signature'), chain: [], sensitive: {} },
};

describe('a message that is sealed to a node', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());

  test('is opened only by that node, and its reply only by the caller', () => {
    const [node, caller] = [makeKeyPair(), makeKeyPair()];
    const sent = sealTo(target, node.publicKey, caller, envelope);
    const received = openSealed(target, node, sent.request);
    assert.deepEqual(received.envelope.call?.request, Buffer.from('request'));
    const progress = received.seal({ progress: { at: 1, message: 'half' } }, false);
    const turnAway = received.seal({ turnAway: { code: 'busy', message: '', hint: '' } }, true);
    assert.equal(sent.open(progress).progress?.message, 'half');
    assert.throws(() => sent.open(progress), { code: 'bad-seal' }, 'each part once');
    assert.equal(sent.open(turnAway).turnAway?.code, 'busy');
    assert.throws(() => openSealed(target, makeKeyPair(), sent.request), { code: 'unknown-key' });
    assert.throws(() => openSealed('dev2.devco.net', node, sent.request), { code: 'bad-seal' });
  });

  test('matches docs/reach.md, byte for byte: ECDH, HKDF and AES-256-GCM by hand open it', () => {
    const ecdh = createECDH('prime256v1');
    const publicKey = ecdh.generateKeys();
    const { request } = sealTo(target, publicKey, makeKeyPair(), envelope);
    const { keyId, ephemeral, salt, ciphertext } = request;
    assert.deepEqual(keyId, createHash('sha256').update(publicKey).digest().subarray(0, 16));
    const info = Buffer.concat([Buffer.from('mco-deploy/1/sealed-request\0'), ephemeral, publicKey]);
    const key = Buffer.from(hkdfSync('sha256', ecdh.computeSecret(ephemeral), salt, info, 32));
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.alloc(12));
    decipher.setAAD(Buffer.concat([Buffer.from(`${target}\0`), keyId, ephemeral, salt]));
    decipher.setAuthTag(ciphertext.subarray(-16));
    const plain = Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]);
    assert.deepEqual(envelopeCodec.decode(plain).call?.signature, Buffer.from('signature'));
  });

  test('rejects a key of any wrong length, or off the curve', () => {
    const own = makeKeyPair();
    const off = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 7)]);
    for (const bytes of [Buffer.alloc(0), Buffer.alloc(33, 2), off, own.publicKey.subarray(1)]) {
      assert.throws(() => own.secretWith(bytes), { code: 'bad-key' });
    }
  });

  test('trusts only a key that the node itself signed', async () => {
    const pair = makeKeyPair();
    const node = (await fleet.node(target)).credentials;
    const other = (await fleet.node('dev2.devco.net')).credentials;
    const operator = (await fleet.operator('rip@devco.net')).credentials;
    await using foreign = await makeFleet();
    const stranger = (await foreign.node(target)).credentials;
    const open = (signed: ReturnType<typeof signKey>) => openKey(signed, target, fleet.trust, Date.now());
    const good = signKey(pair, node, Date.now());
    assert.deepEqual(open(good), pair.publicKey);
    assert.throws(() => open(signKey(pair, other, Date.now())), { code: 'bad-key' });
    assert.throws(() => open(signKey(pair, operator, Date.now())), { code: 'wrong-kind' });
    assert.throws(() => open(signKey(pair, stranger, Date.now())), { code: 'foreign-certificate' });
    assert.throws(() => open({ ...good, chain: [] }), { code: 'bad-key' });
    const changed = Buffer.from(good.key);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    assert.throws(() => open({ ...good, key: changed }), { code: 'bad-key' });
    fleet.revoke({ certificate: node.certificate });
    assert.throws(() => open(good), { code: 'revoked-certificate' });
  });
});
