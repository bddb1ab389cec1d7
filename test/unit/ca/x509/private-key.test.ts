import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { formatPrivateKey, isEncrypted, parsePrivateKey } from '../../../../src/ca/x509/private-key.ts';

describe('the private key on disk', () => {
  const { privateKey } = makeKeyPair();

  test('opens without a passphrase if it has none', () => {
    const pem = formatPrivateKey(privateKey);
    assert.equal(isEncrypted(pem), false);
    assert.equal(parsePrivateKey(pem, '', 'ca.key').equals(privateKey), true);
  });

  test('opens only with its passphrase', () => {
    const pem = formatPrivateKey(privateKey, 'correct horse “ü”');
    assert.equal(isEncrypted(pem), true);
    assert.equal(parsePrivateKey(pem, 'correct horse “ü”', 'ca.key').equals(privateKey), true);
    for (const wrong of ['', 'correct horse', 'x'.repeat(2000)]) {
      assert.throws(() => parsePrivateKey(pem, wrong, 'ca.key'), { code: 'bad-passphrase' });
    }
  });

  test('is stored differently each time it is encrypted', () => {
    assert.notEqual(formatPrivateKey(privateKey, 'x'), formatPrivateKey(privateKey, 'x'));
  });

  test('is refused when it is not a key', () => {
    assert.throws(() => parsePrivateKey('hello', '', 'ca.key'), { code: 'bad-key' });
  });
});
