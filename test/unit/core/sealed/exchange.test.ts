import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, createHash, createSecretKey, type ECDH, hkdfSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeKeyPair, openKey, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import { openSealed, sealTo } from '../../../../src/core/sealed/exchange.ts';
import { envelopeCodec, envelopeReplyCodec } from '../../../../src/core/wire/codec.ts';
import type { Envelope } from '../../../../src/core/wire/messages.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';

const target = 'dev1.devco.net';
const envelope: Envelope = {
  call: { request: Buffer.from('request'), signature: Buffer.from('signature'), chain: [], sensitive: {} },
};

const secretOf = (ecdh: ECDH) => (other: Uint8Array) => createSecretKey(ecdh.computeSecret(other));

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

  test('has replies that match docs/reach.md, byte for byte: each part has its number as the nonce', () => {
    const [node, caller] = [makeKeyPair(), createECDH('prime256v1')];
    const own = { ...makeKeyPair(), publicKey: caller.generateKeys() };
    const sent = sealTo(target, node.publicKey, { ...own, secretWith: secretOf(caller) }, envelope);
    const { keyId, ephemeral, salt, ciphertext } = sent.request;
    const { seal } = openSealed(target, node, sent.request);
    const parts = ['half', 'most', 'all'].map((message, index) => seal({ progress: { at: 1, message } }, index === 2));
    assert.deepEqual(
      parts.map((part) => [part.sequence, part.last, part.salt.length]),
      [
        [0, false, 32],
        [1, false, 0],
        [2, true, 0],
      ],
    );
    const info = Buffer.concat([Buffer.from('mco-deploy/1/sealed-reply\0'), ephemeral, node.publicKey]);
    const salts = Buffer.concat([salt, parts[0]?.salt ?? Buffer.alloc(0)]);
    const key = Buffer.from(hkdfSync('sha256', caller.computeSecret(node.publicKey), salts, info, 32));
    const whole = createHash('sha256')
      .update(Buffer.concat([keyId, ephemeral, salt, ciphertext]))
      .digest();
    const opened = parts.map((part, index) => {
      const nonce = Buffer.alloc(12);
      nonce.writeUInt32BE(index, 8);
      const decipher = createDecipheriv('aes-256-gcm', key, nonce);
      decipher.setAAD(Buffer.concat([whole, Buffer.from([part.last ? 1 : 0])]));
      decipher.setAuthTag(part.ciphertext.subarray(-16));
      const plain = Buffer.concat([decipher.update(part.ciphertext.subarray(0, -16)), decipher.final()]);
      return envelopeReplyCodec.decode(plain).progress?.message;
    });
    assert.deepEqual(opened, ['half', 'most', 'all']);
  });

  test('has a reply that opens part by part, in order, and with the mark of its last part', () => {
    const [node, caller] = [makeKeyPair(), makeKeyPair()];
    const { request, open } = sealTo(target, node.publicKey, caller, envelope);
    const { seal } = openSealed(target, node, request);
    const [first, second] = ['half', 'all'].map((message) => seal({ progress: { at: 1, message } }, false));
    assert.ok(first && second);
    const order = { code: 'bad-seal', message: 'a part of the reply is out of order' };
    const changed = { code: 'bad-seal', message: /^what was sealed cannot be opened/ };
    assert.throws(() => open(second), order);
    assert.throws(() => open({ ...first, last: true }), changed);
    assert.throws(() => open({ ...first, salt: Buffer.alloc(32) }), changed);
    assert.equal(open(first).progress?.message, 'half', 'a forged part does not keep the real one out');
    assert.throws(() => open(first), order);
    assert.throws(() => open({ ...second, ciphertext: second.ciphertext.subarray(0, 15) }), changed);
    assert.equal(open(second).progress?.message, 'all');
  });

  test('is refused without a salt of the right length, in both directions', () => {
    const [node, caller] = [makeKeyPair(), makeKeyPair()];
    const { request, open } = sealTo(target, node.publicKey, caller, envelope);
    for (const salt of [Buffer.alloc(0), Buffer.alloc(31), Buffer.alloc(33)]) {
      assert.throws(() => openSealed(target, node, { ...request, salt }), {
        code: 'bad-seal',
        message: 'the request has no salt',
      });
      const event = openSealed(target, node, request).seal({ progress: { at: 1, message: '' } }, false);
      assert.throws(() => open({ ...event, salt }), { code: 'bad-seal', message: 'the reply has no salt' });
    }
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
