import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SshEstate, startSshEstate } from './estate.ts';

/** The output of `install --json` for a host. */
export interface HostJson {
  readonly node: string;
  readonly state: string;
  readonly changes: readonly string[];
  readonly kept: readonly string[];
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly version: string | null;
}

/** Hosts to be installed, and the commands that do so. */
export interface Installation extends SshEstate {
  /** A file of the operator. */
  readonly file: (name: string) => string;
  /** Options that reach the hosts and start services there, and more. */
  readonly onHosts: (...words: string[]) => string[];
  readonly install: (...words: string[]) => Promise<{ code: number; hosts: HostJson[]; err: string }>;
  /** All that an installation may have left on a host. */
  readonly traces: (host: string) => Promise<string>;
}

const settings = `discovery: { mdns: false }
log: { level: error }
agents: { lock: {}, rpcutil: {}, nrpe: { config: /etc/nrpe.cfg } }
`;

export async function startInstallation(hosts: readonly string[]): Promise<Installation> {
  const estate = await startSshEstate(hosts);
  const file = (name: string) => join(estate.directory, name);
  await writeFile(file('settings.yaml'), settings);
  const onHosts = (...words: string[]) => {
    return ['--ssh-config', file('ssh.config'), '--service', '/usr/local/sbin/mco-init', ...words];
  };
  return {
    ...estate,
    file,
    onHosts,
    install: async (...words) => {
      const more = ['--node-config', file('settings.yaml'), '--json'];
      const { code, out, err } = await estate.run(['install', ...more, ...onHosts(...words)]);
      return { code, hosts: out === '' ? [] : (JSON.parse(out) as HostJson[]), err };
    },
    traces: async (host) => {
      const places = '/etc/mco-deploy /usr/local/bin /var/lib/mco-deploy /var/log/mco-deploy';
      return (await estate.on(host, `find ${places} -type f 2>/dev/null | sort`)).out;
    },
    [Symbol.asyncDispose]: () => estate[Symbol.asyncDispose](),
  };
}
