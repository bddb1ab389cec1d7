import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { readRegular } from '../../../core/files/read-input.ts';
import type { NrpeDaemon } from '../config.ts';

/**
 * Ciphers without certificates, for an NRPE daemon without one. OpenSSL offers them only at security level 0, and TLS
 * 1.3 has none.
 */
const anonymousCiphers = 'ADH-AES256-GCM-SHA384:ADH-AES128-GCM-SHA256:@SECLEVEL=0';

/**
 * How a connection to an NRPE daemon is secured; undefined for one without TLS.
 * @throws Problem `bad-nrpe-configuration`, `unreadable-file`
 */
export async function tlsOptions(daemon: NrpeDaemon): Promise<ConnectionOptions | undefined> {
  const { tls, host, ca_file, certificate_file, key_file, server_name = host } = daemon;
  if ((certificate_file === undefined) !== (key_file === undefined)) {
    throw new Problem(
      'bad-nrpe-configuration',
      'nrpe’s daemon: “certificate_file” requires “key_file”, and the reverse',
    );
  }
  if (tls !== 'verified') {
    if (ca_file !== undefined || certificate_file !== undefined) {
      throw new Problem('bad-nrpe-configuration', `nrpe’s daemon: certificates need “tls: verified”, not “${tls}”`);
    }
    return tls === 'none' ? undefined : anonymous;
  }
  const [ca, cert, key] = await Promise.all([ca_file, certificate_file, key_file].map(read));
  return {
    minVersion: 'TLSv1.2',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(server_name, certificate),
    ...(/[^0-9.]/.test(server_name) && !server_name.includes(':') ? { servername: server_name } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert, key }),
  };
}

/** There is no certificate that could be verified. */
const anonymous: ConnectionOptions = {
  ciphers: anonymousCiphers,
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.2',
  rejectUnauthorized: false,
};

async function read(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return String(await readRegular(file));
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
