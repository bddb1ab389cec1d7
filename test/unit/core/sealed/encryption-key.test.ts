import assert from 'node:assert/strict';
import { ECDH } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeKeyPair, openKey, signKey } from '../../../../src/core/sealed/encryption-key.ts';
import { sign } from '../../../../src/core/credentials/signature.ts';
import { encryptionKeyCodec, protocolVersion } from '../../../../src/core/wire/codec.ts';
import type { EncryptionKey } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

const target = 'dev1.devco.net';

describe('the secret of two keys', () => {
  test('is the same on both sides', () => {
    const [one, other] = [makeKeyPair(), makeKeyPair()];
    assert.ok(one.secretWith(other.publicKey).equals(other.secretWith(one.publicKey)));
    assert.equal(one.secretWith(makeKeyPair().publicKey).equals(one.secretWith(other.publicKey)), false);
  });

  test('is kept for as many other sides as the key allows, and the oldest is forgotten for a new one', () => {
    const own = makeKeyPair(2);
    const [first, second, third] = [makeKeyPair(), makeKeyPair(), makeKeyPair()].map(({ publicKey }) => publicKey);
    assert.ok(first && second && third);
    const kept = [own.secretWith(first), own.secretWith(second)];
    assert.equal(own.secretWith(first), kept[0]);
    assert.equal(own.secretWith(second), kept[1]);
    own.secretWith(third);
    assert.equal(own.secretWith(second), kept[1]);
    assert.notEqual(own.secretWith(first), kept[0]);
  });

  test('is kept for 256 other sides if nothing else is said', () => {
    const own = makeKeyPair();
    const others = Array.from({ length: 257 }, () => makeKeyPair().publicKey);
    const kept = others.slice(0, 256).map((other) => own.secretWith(other));
    const [oldest, latest] = [others[0], others[256]];
    assert.ok(oldest && latest);
    assert.equal(own.secretWith(oldest), kept[0]);
    own.secretWith(latest);
    assert.notEqual(own.secretWith(oldest), kept[0]);
  });

  test('needs the other key as an uncompressed point', () => {
    const [own, { publicKey }] = [makeKeyPair(), makeKeyPair()];
    const short = ECDH.convertKey(publicKey, 'prime256v1', undefined, undefined, 'compressed') as Buffer;
    assert.equal(short.length, 33);
    assert.throws(() => own.secretWith(short), { code: 'bad-key', message: 'the public key is not a point on P-256' });
  });
});

describe('the key that a node signed for itself', () => {
  let fleet: Fleet;
  let node: Member;
  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node(target);
  });
  after(() => fleet.remove());

  const pair = makeKeyPair();
  const open = (signed: ReturnType<typeof signKey>) => openKey(signed, target, fleet.trust, Date.now());
  const words = (message: string) => ({ code: 'bad-key', message });

  test('is refused if it comes without a certificate, or with that of another node', async () => {
    const good = signKey(pair, node.credentials, Date.now());
    assert.throws(() => open({ ...good, chain: [] }), words(`the encryption key of ${target} has no certificate`));
    const other = await fleet.node('dev2.devco.net');
    assert.throws(
      () => open(signKey(pair, other.credentials, Date.now())),
      words(`the encryption key of ${target} is signed by dev2.devco.net`),
    );
  });

  test('is refused if the signature is of something else', () => {
    const good = signKey(pair, node.credentials, Date.now());
    const later = signKey(pair, node.credentials, Date.now() + 1);
    assert.throws(
      () => open({ ...good, signature: later.signature }),
      words(`the signature of the encryption key of ${target} is not valid`),
    );
    const asRequest = sign('request', good.key, node.credentials.key);
    assert.throws(() => open({ ...good, signature: asRequest }), { code: 'bad-key' }, 'of another purpose');
  });

  test('is refused, though the node signed it, if it is of another node, version or length', () => {
    const signed = (changes: Partial<EncryptionKey>) => {
      const content = { protocol: protocolVersion, node: target, publicKey: pair.publicKey, createdAt: Date.now() };
      const key = encryptionKeyCodec.encode({ ...content, ...changes });
      return { ...signKey(pair, node.credentials, 0), key, signature: sign('encryption-key', key, node.key) };
    };
    assert.deepEqual(open(signed({})), pair.publicKey);
    for (const changes of [
      { protocol: protocolVersion + 1 },
      { node: 'dev2.devco.net' },
      { publicKey: Buffer.concat([pair.publicKey, Buffer.alloc(1)]) },
      { publicKey: Buffer.alloc(0) },
    ]) {
      assert.throws(
        () => open(signed(changes)),
        words(`the encryption key of ${target} is not one of ${target}`),
        JSON.stringify(changes),
      );
    }
  });
});
