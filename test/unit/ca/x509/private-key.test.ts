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

  test('is encrypted with AES-256, and each guess costs 16 MiB and a third of a second (scrypt)', () => {
    const bytes = Buffer.from(formatPrivateKey(privateKey, 'x').replaceAll(/-----.*-----|\s/g, ''), 'base64');
    const hex = bytes.toString('hex');
    // N 16384, r 8, p 5, as DER integers after the salt.
    assert.match(hex, /06092b06010401da47040b30..0410[0-9a-f]{32}02024000020108020105/);
    assert.match(hex, /060960864801650304012a0410/);
  });

  test('is stored differently each time it is encrypted', () => {
    assert.notEqual(formatPrivateKey(privateKey, 'x'), formatPrivateKey(privateKey, 'x'));
  });

  test('is refused when it is not a key', () => {
    assert.throws(() => parsePrivateKey('hello', '', 'ca.key'), { code: 'bad-key' });
  });
});
