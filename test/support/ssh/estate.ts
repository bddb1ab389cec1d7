import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { builtProgram } from '../program/built-program.ts';
import { type Ended, runProgram } from '../program/run-program.ts';

/** Hosts with a real sshd each, and an operator with a CA who can reach them. */
export interface SshEstate extends AsyncDisposable {
  readonly directory: string;
  /** The path of a host’s file, seen from outside. */
  readonly path: (host: string, file: string) => string;
  readonly address: (host: string) => string;
  /** Runs the built program, as the operator. */
  readonly run: (words: readonly string[]) => Promise<Ended>;
  /** The same in a directory. */
  readonly runIn: (directory: string, words: readonly string[]) => Promise<Ended>;
  /** Runs a command on a host as root, over its sshd. */
  readonly on: (host: string, command: string) => Promise<Ended>;
}

/**
 * @param options `operator: false` leaves it to the test to make a CA and an operator
 * @throws Error when a host does not come up: it takes root, namespaces and an sshd
 */
export async function startSshEstate(
  hosts: readonly string[],
  { operator = true }: { readonly operator?: boolean } = {},
): Promise<SshEstate> {
  const directory = await mkdtemp(join(tmpdir(), 'mco-ssh-test-'));
  const key = join(directory, 'operator');
  await must(runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]));
  const argv = ['--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', join(import.meta.dirname, 'estate.sh')];
  const child = spawn('unshare', [...argv, directory, ...hosts], { stdio: ['pipe', 'pipe', 'inherit'] });
  const pid = await readyPid(child);
  const addresses = new Map(hosts.map((host, index) => [host, `10.77.0.${11 + index}`]));
  const address = (host: string) => addresses.get(host) ?? '';
  await writeSshFiles(directory, hosts, address);

  const enter = (words: readonly string[], cwd = directory) =>
    runProgram('nsenter', ['--target', String(pid), '--net', ...words], {
      cwd,
      // Several hosts are installed by one command.
      timeout: 300_000,
      env: { PATH: process.env.PATH ?? '', HOME: directory, TMPDIR: '/tmp' },
    });
  const run = (words: readonly string[]) => enter([builtProgram(), ...words]);
  if (operator) {
    await must(run(['ca', 'init', '--realm', 'devco.net']));
    await must(run(['ca', 'issue', 'operator', 'rip@devco.net', '--out', join(directory, '.config/mco-deploy')]));
    await writeFile(join(directory, '.config/mco-deploy/client.yaml'), 'timeout: 5\n');
  }
  return {
    directory,
    path: (host, file) => join(directory, host, file),
    address,
    run,
    runIn: (place, words) => enter([builtProgram(), ...words], place),
    on: (host, command) => enter(['ssh', '-F', join(directory, 'ssh.config'), `root@${host}`, command]),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await once(child, 'exit');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The pid of the estate’s shell, as this machine knows it: of the child of unshare. */
async function readyPid(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (line.startsWith('ready')) break;
  }
  const children = await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  const pid = Number(children.trim());
  if (!(pid > 0)) throw new Error('the hosts did not come up');
  return pid;
}

/** Names instead of addresses, the operator’s key, and the hosts’ keys as known. */
async function writeSshFiles(
  directory: string,
  hosts: readonly string[],
  address: (host: string) => string,
): Promise<void> {
  const known = await Promise.all(
    hosts.map(async (host) => `${address(host)} ${await readFile(join(directory, `${host}.hostkey.pub`), 'utf8')}`),
  );
  await writeFile(join(directory, 'known_hosts'), known.join(''));
  await copyFile(join(directory, 'known_hosts'), join(directory, 'known_hosts.good'));
  const names = hosts.map((host) => `Host ${host}\n  HostName ${address(host)}\n  HostKeyAlias ${address(host)}\n`);
  const all = `Host *\n  IdentityFile ${join(directory, 'operator')}\n  IdentitiesOnly yes\n  UserKnownHostsFile ${join(directory, 'known_hosts')}\n  GlobalKnownHostsFile /dev/null\n`;
  await writeFile(join(directory, 'ssh.config'), names.join('') + all);
}

async function must(ended: Promise<Ended>): Promise<void> {
  const { code, err } = await ended;
  if (code !== 0) throw new Error(err);
}
