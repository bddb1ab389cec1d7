import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { element, readChildren, readElement, tags } from '../../../../src/ca/x509/der.ts';
import { keyPairOf, makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { decodePem, encodePem } from '../../../../src/ca/x509/pem.ts';
import { fingerprintOf, keyOfRequest, makeRequest } from '../../../../src/ca/x509/request.ts';

const label = 'CERTIFICATE REQUEST';

describe('a certificate request', () => {
  test('gives its key, and nothing else', async () => {
    const keys = makeKeyPair();
    const key = await keyOfRequest(await makeRequest(keys, 'dev1.devco.net'), 'dev1.csr');
    assert.equal(key.equals(keys.publicKey), true);
    assert.equal(key.type, 'public');
  });

  test('has the same fingerprint only for the same key', () => {
    const keys = makeKeyPair();
    assert.equal(fingerprintOf(keys.publicKey), fingerprintOf(keyPairOf(keys.privateKey).publicKey));
    assert.notEqual(fingerprintOf(keys.publicKey), fingerprintOf(makeKeyPair().publicKey));
    assert.match(fingerprintOf(keys.publicKey), /^SHA256:[A-Za-z0-9+/]{43}$/);
  });

  test('is refused if it was signed with another key than it names', async () => {
    const [mine, theirs] = [makeKeyPair(), makeKeyPair()];
    const [block] = decodePem(await makeRequest(mine, 'dev1'), label);
    assert.ok(block);
    const theirKey = theirs.publicKey.export({ type: 'spki', format: 'der' });
    const myKey = mine.publicKey.export({ type: 'spki', format: 'der' });
    const stolen = Buffer.from(
      // By a function: a key may hold a “$&”, which would be a word of its own in a text.
      block.toString('latin1').replace(myKey.toString('latin1'), () => theirKey.toString('latin1')),
      'latin1',
    );
    assert.notDeepEqual(stolen, block);
    await assert.rejects(keyOfRequest(encodePem(stolen, label), 'dev1.csr'), { code: 'bad-proof' });
  });

  test('is refused when its name or signature was changed', async () => {
    const pem = await makeRequest(makeKeyPair(), 'dev1.devco.net');
    const [block] = decodePem(pem, label);
    assert.ok(block);
    const renamed = Buffer.from(block.toString('latin1').replace('dev1.devco.net', 'dev9.devco.net'), 'latin1');
    await assert.rejects(keyOfRequest(encodePem(renamed, label), 'dev1.csr'), { code: 'bad-proof' });
    const [info, algorithm] = readChildren(readElement(block));
    assert.ok(info && algorithm);
    for (const signature of [Buffer.of(0), Buffer.of(0, 0x30, 0x00), Buffer.alloc(73)]) {
      const changed = element(tags.sequence, info.whole, algorithm.whole, element(tags.bitString, signature));
      await assert.rejects(keyOfRequest(encodePem(changed, label), 'dev1.csr'), { code: 'bad-proof' });
    }
  });

  test('is refused when it is invalid, truncated, too large, or doubled', async () => {
    const pem = await makeRequest(makeKeyPair(), 'dev1');
    const [block] = decodePem(pem, label);
    assert.ok(block);
    const broken = [
      '',
      'hello',
      pem.replaceAll(label, 'CERTIFICATE'),
      pem + pem,
      encodePem(block.subarray(0, 100), label),
      encodePem(Buffer.alloc(0), label),
      `${pem}${' '.repeat(64 * 1024)}`,
    ];
    for (const text of broken) {
      const problem = { code: 'bad-request-file', message: /^dev1\.csr(:| is| holds) / };
      await assert.rejects(keyOfRequest(text, 'dev1.csr'), problem);
    }
  });
});
