import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { assertSigned } from '../../../../../src/agents/appmgr/artifact/signature.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

const directory = temporaryDirectory();
const text = Buffer.from('the sums');
const [ours, theirs] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];

function keyFile(name: string, key: KeyObject | string): string {
  const file = join(directory, name);
  writeFileSync(file, typeof key === 'string' ? key : key.export({ type: 'spki', format: 'pem' }));
  return file;
}
const [own, other] = [keyFile('own', ours.publicKey), keyFile('other', theirs.publicKey)];
const signature = sign(null, text, ours.privateKey);

describe('the sum of an artifact', () => {
  const check = (given: Buffer | undefined, signers = [own], signed = text) =>
    assertSigned(signed, given, signers, 'app-20.sha256');

  test('is signed by one of the signers, raw or in base64', async () => {
    const base64 = signature.toString('base64');
    for (const given of [signature, Buffer.from(base64), Buffer.from(`${base64}\n`)]) {
      await check(given);
      await check(given, [other, own]);
    }
  });

  test('is refused with the signature of another, over something else, or of another form', async () => {
    const message = `app-20.sha256 was signed by none of ${own}`;
    const refused = { code: 'bad-signature', message };
    await assert.rejects(check(sign(null, text, theirs.privateKey)), refused);
    await assert.rejects(check(signature, [own], Buffer.from('other sums')), refused);
    const hex = Buffer.from(signature.toString('hex'));
    for (const given of [signature.subarray(1), Buffer.concat([signature, signature]), hex, Buffer.alloc(0)])
      await assert.rejects(check(given), refused);
    await assert.rejects(check(undefined), {
      code: 'bad-signature',
      message: 'app-20.sha256 is not signed: app-20.sha256.sig is missing',
    });
  });

  test('is refused if a key of a signer cannot be used, also beside one that signed', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const [file, why] of [
      [keyFile('ec', publicKey), 'it is not an Ed25519 key'],
      [keyFile('text', 'no key'), 'it is not a public key in PEM'],
      [join(directory, 'missing'), 'no such file or directory'],
    ] as const) {
      const message = `${file} cannot be used as a signer’s key: ${why}`;
      await assert.rejects(check(signature, [own, file]), { code: 'bad-key', message });
    }
  });
});
