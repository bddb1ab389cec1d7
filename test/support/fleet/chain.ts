import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signCertificate } from '../../../src/ca/issue.ts';
import { makeRevocationList, type Revocation } from '../../../src/ca/revocation/revocation-list.ts';
import { type Authority, certifyIntermediate, makeRoot } from '../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { formatPrivateKey } from '../../../src/ca/x509/private-key.ts';
import type { Identity } from '../../../src/core/identity.ts';

/** A root, CAs below it, and files that their holders have. */
export interface ChainedFleet {
  readonly root: Authority;
  readonly first: Authority;
  readonly second: Authority;
  /** Writes certificate with its chain, key and the trusted certificates. */
  readonly holder: (
    kind: Identity['kind'],
    name: string,
    issuer: Authority,
    more?: { readonly withChain?: boolean; readonly trusted?: readonly Authority[]; readonly crl?: string },
  ) => Promise<{ certificate: string; key: string; ca: string; crl: string; serial: string }>;
  readonly list: (issuer: Authority, serials: readonly string[]) => string;
}

const day = 86_400_000;

async function makeIntermediate(root: Authority, now: number): Promise<Authority> {
  const { publicKey, privateKey: key } = makeKeyPair();
  return { realm: root.realm, certificate: await certifyIntermediate(root, publicKey, now), key };
}

export async function makeChainedFleet(directory: string): Promise<ChainedFleet> {
  const now = Date.now() - day;
  const root = await makeRoot('devco.net', now);
  const [first, second] = [await makeIntermediate(root, now), await makeIntermediate(root, now)];
  let number = 0;
  return {
    root,
    first,
    second,
    list: (issuer, serials) => {
      const revoked = serials.map((serial): Revocation => ({ serial, at: now, reason: 'keyCompromise' }));
      return makeRevocationList({ revoked, number: ++number, now: Date.now(), days: 30 }, issuer);
    },
    holder: async (kind, name, issuer, { withChain = true, trusted = [root], crl } = {}) => {
      const { privateKey, publicKey } = makeKeyPair();
      const validity = { notBefore: now, notAfter: now + 60 * day };
      const certificate = await signCertificate({ kind, name, publicKey }, validity, issuer);
      const place = join(directory, `${name}-${++number}`);
      const files = {
        certificate: join(place, 'own.crt'),
        key: join(place, 'own.key'),
        ca: join(place, 'ca.crt'),
        crl: join(place, 'crl.pem'),
      };
      await mkdir(place, { recursive: true });
      const chain = withChain ? [certificate, issuer.certificate] : [certificate];
      await writeFile(files.certificate, chain.map(String).join(''));
      await writeFile(files.key, formatPrivateKey(privateKey), { mode: 0o600 });
      await writeFile(files.ca, trusted.map((one) => one.certificate.toString()).join(''));
      if (crl !== undefined) await writeFile(files.crl, crl);
      return { ...files, serial: certificate.serialNumber };
    },
  };
}
