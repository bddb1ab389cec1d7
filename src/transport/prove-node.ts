import { parseCertificate } from '../core/credentials/certificate.ts';
import { proveCertificate } from '../core/credentials/proof.ts';
import { Problem } from '../core/errors.ts';
import type { TlsState } from '../core/ports.ts';

/** The reason not to trust a server, or undefined. */
export function proveNode(name: string, certificate: Uint8Array, { trust }: TlsState): Problem | undefined {
  try {
    const { identity } = proveCertificate(parseCertificate(certificate), 'node', trust, Date.now());
    if (identity.name === name) return undefined;
    return new Problem(
      'wrong-node',
      `at the address of ${name} answers ${identity.name}`,
      'the address is out of date',
    );
  } catch (error) {
    return error instanceof Problem
      ? error
      : new Problem('bad-certificate', `the certificate of ${name} cannot be read`);
  }
}
