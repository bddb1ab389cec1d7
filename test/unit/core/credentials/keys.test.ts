import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync, type KeyObject, verify, type X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { sign, unusableKey, verifies } from '../../../../src/core/credentials/signature.ts';

const pairs: readonly [string, { publicKey: KeyObject; privateKey: KeyObject }][] = [
  ['EC P-256', generateKeyPairSync('ec', { namedCurve: 'prime256v1' })],
  ['EC P-384', generateKeyPairSync('ec', { namedCurve: 'secp384r1' })],
  ['RSA 2048', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['Ed25519', generateKeyPairSync('ed25519')],
];
const refused: readonly [RegExp, { privateKey: KeyObject }][] = [
  [/EC secp521r1/, generateKeyPairSync('ec', { namedCurve: 'secp521r1' })],
  [/EC secp256k1/, generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
  [/RSA 1024/, generateKeyPairSync('rsa', { modulusLength: 1024 })],
  [/RSA-PSS 2048/, generateKeyPairSync('rsa-pss', { modulusLength: 2048 })],
  [/ED448/, generateKeyPairSync('ed448')],
];

describe('a key', () => {
  for (const [name, { publicKey, privateKey }] of pairs) {
    test(`signs requests, replies and audit records if it is of ${name}`, () => {
      assert.equal(unusableKey(privateKey), undefined);
      const holder = { publicKey } as X509Certificate;
      for (const context of ['request', 'reply', 'audit-record', 'audit-head'] as const) {
        const signature = sign(context, Buffer.from('content'), privateKey);
        assert.equal(verifies(context, Buffer.from('content'), signature, holder), true);
        assert.equal(verifies(context, Buffer.from('changed'), signature, holder), false);
        assert.equal(
          verifies(context === 'reply' ? 'request' : 'reply', Buffer.from('content'), signature, holder),
          false,
        );
      }
    });
  }
  for (const [name, { privateKey }] of refused) {
    test(`is refused by the name of its type, like ${name.source}`, () =>
      assert.match(unusableKey(privateKey) ?? '', name));
  }

  test('signs its purpose with the content, as others can check', () => {
    const [, { publicKey, privateKey }] = pairs[0] ?? assert.fail();
    const signed = sign('ticket', Buffer.from('content'), privateKey);
    assert.ok(verify('sha256', Buffer.from('mco-deploy/1/ticket\0content'), publicKey, signed));
  });

  test('has signed nothing if the signature is damaged, or it is not for signatures', () => {
    const [, { publicKey, privateKey }] = pairs[0] ?? assert.fail();
    const signed = sign('reply', Buffer.from('content'), privateKey);
    const exchange = generateKeyPairSync('x25519');
    for (const [key, signature] of [
      [publicKey, signed.subarray(1)],
      [publicKey, Buffer.alloc(0)],
      [exchange.publicKey, signed],
    ] as const) {
      const holder = { publicKey: key } as X509Certificate;
      assert.equal(verifies('reply', Buffer.from('content'), signature, holder), false);
    }
    assert.match(unusableKey(exchange.privateKey) ?? '', /^its key is X25519; /);
    assert.match(unusableKey(createSecretKey(Buffer.alloc(32))) ?? '', /^its key is unknown; /);
  });
});
