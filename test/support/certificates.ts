import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openssl } from './openssl.ts';

export interface ServerCertificate {
  /** The file of the CA's certificate. */
  readonly ca: string;
  readonly keyFile: string;
  readonly certFile: string;
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** A CA and a server's certificate for 127.0.0.1, made by openssl in the directory. */
export async function makeServerCertificate(directory: string, subject: string): Promise<ServerCertificate> {
  const at = (name: string) => join(directory, name);
  const make = async (...args: string[]) => {
    const { ok, output } = await openssl(args);
    if (!ok) throw new Error(output);
  };
  const fresh = (key: string) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(key)];
  await make('req', '-x509', ...fresh('ca.key'), '-subj', `/CN=test ${subject}`, '-days', '2', '-out', at('ca.crt'));
  await make('req', ...fresh('server.key'), '-subj', `/CN=${subject}`, '-out', at('server.csr'));
  writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  const signed = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-days', '2', '-extfile', at('names')];
  await make('x509', '-req', '-in', at('server.csr'), ...signed, '-out', at('server.crt'));
  const [keyFile, certFile] = [at('server.key'), at('server.crt')];
  return { ca: at('ca.crt'), keyFile, certFile, key: readFileSync(keyFile), cert: readFileSync(certFile) };
}
