import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { startSshEstate, type SshEstate } from './estate.ts';

/** The output of `apply --json` for a host. */
export interface AppliedHost {
  readonly host: string;
  readonly way: string;
  readonly state: string;
  readonly others: readonly string[];
  readonly files: readonly { readonly path: string; readonly before: string | null; readonly after: string | null }[];
  readonly kept: readonly { readonly path: string }[];
  readonly effect: string;
  readonly code: string;
  readonly message: string;
}

/** Hosts with a real sshd each, and a fleet.yaml that makes them web servers. */
export interface AppliedEstate extends SshEstate {
  readonly fleetFile: string;
  /** Writes fleet.yaml: for all hosts, with lines of the role and at the end. */
  readonly declare: (parts?: {
    readonly role?: string;
    readonly end?: string;
    readonly operators?: string;
  }) => Promise<void>;
  readonly apply: (...words: string[]) => Promise<{ code: number; hosts: AppliedHost[]; out: string; err: string }>;
}

/** @throws Error as {@link startSshEstate} */
export async function startAppliedEstate(hosts: readonly string[]): Promise<AppliedEstate> {
  const estate = await startSshEstate(hosts);
  const fleetFile = join(estate.directory, 'fleet.yaml');
  return {
    ...estate,
    fleetFile,
    declare: async ({ role = '', end = '', operators = '  rip@devco.net: all\n' } = {}) => {
      const lines = hosts.map(
        (host) => `  ${host}: { role: web, address: ${estate.address(host)}, ssh: root@${host} }\n`,
      );
      const ssh = `ssh: { config: ssh.config, service: /usr/local/sbin/mco-init }\n`;
      const roles = `roles:\n  web:\n    settings: { discovery: { mdns: false }, log: { level: error } }\n${role}`;
      await writeFile(fleetFile, `operators:\n${operators}${ssh}hosts:\n${lines.join('')}${roles}${end}`);
    },
    apply: async (...words) => {
      const { code, out, err } = await estate.run(['apply', fleetFile, ...words]);
      const isJson = words.includes('--json') && out !== '';
      return { code, out, err, hosts: isJson ? (JSON.parse(out) as { hosts: AppliedHost[] }).hosts : [] };
    },
    [Symbol.asyncDispose]: () => estate[Symbol.asyncDispose](),
  };
}
