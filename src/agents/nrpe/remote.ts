import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';
import { explainErrno, Problem } from '../../core/errors.ts';
import type { ArgumentRules } from './arguments.ts';
import { askDaemon } from './ask.ts';
import { splitOutput, timedOut, toCheck, toExitCode, unknownCheck } from './check.ts';
import { type Checks, longestCheck } from './checks.ts';
import type { NrpeDaemon } from './config.ts';

/**
 * Ciphers without certificates, by which an NRPE daemon that has none is reached. OpenSSL offers them at security level
 * 0 alone, and TLS 1.3 has none.
 */
const anonymousCiphers = 'ADH-AES256-GCM-SHA384:ADH-AES128-GCM-SHA256:@SECLEVEL=0';

/**
 * Checks that an NRPE daemon makes. Its files are read once, at the start.
 * @param timeout seconds
 * @throws Problem `bad-nrpe-configuration`, `unreadable-file`
 */
export async function makeRemoteChecks(
  daemon: NrpeDaemon,
  rules: ArgumentRules,
  timeout: number = longestCheck,
): Promise<Checks> {
  const tls = await tlsOptions(daemon);
  const commands = [...new Set(daemon.commands)].sort();
  return {
    list: async () => ({
      commands,
      withArguments: new Set(commands.filter((name) => rules.countOf(name) > 0)),
      refused: [],
    }),
    run: async (command, given, { signal }) => {
      if (!commands.includes(command)) return unknownCheck(command, `No such command: ${command}`);
      const line = [command, ...rules.accept(command, given)].join('!');
      const late = AbortSignal.timeout(Math.ceil(timeout * 1000));
      try {
        const { code, text } = await askDaemon(daemon, tls, line, AbortSignal.any([late, signal]));
        const { output, perfdata } = splitOutput(text);
        return toCheck(command, toExitCode(code), output, perfdata);
      } catch (problem) {
        if (signal.aborted) throw new Problem('cancelled', `the check ${command} was cancelled`);
        if (late.aborted) return timedOut(command, timeout);
        throw problem;
      }
    },
  };
}

async function tlsOptions(daemon: NrpeDaemon): Promise<ConnectionOptions | undefined> {
  const { tls, host, ca_file, certificate_file, key_file, server_name = host } = daemon;
  if ((certificate_file === undefined) !== (key_file === undefined)) {
    throw new Problem('bad-nrpe-configuration', 'nrpe’s daemon: “certificate_file” and “key_file” belong together');
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
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Problem('unreadable-file', `${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
