import { join } from 'node:path';

/** The files of a CA, in its directory (0700). */
export const pathsIn = (directory: string) => ({
  certificate: join(directory, 'ca.crt'),
  key: join(directory, 'ca.key'),
  issued: join(directory, 'issued.jsonl'),
  crl: join(directory, 'crl.pem'),
  crlNumber: join(directory, 'crl-number'),
  /** The CAs that this one replaced, still trusted. */
  previous: join(directory, 'previous'),
  /** The lists of the CAs above this one, which are made elsewhere. */
  rootCrl: join(directory, 'root-crl.pem'),
  /** A key that a root has to sign, and the request for it. */
  requestKey: join(directory, 'request.key'),
  request: join(directory, 'ca.csr'),
  /**
   * The CA that replaces the current one. Once its certificate exists, the rollover is decided and only has to be
   * completed.
   */
  nextKey: join(directory, 'next.key'),
  nextCertificate: join(directory, 'next.crt'),
});
