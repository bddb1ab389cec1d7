import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ended, runProgram } from '../program/run-program.ts';

/** A Debian system of its own, with systemd as its first process and no network but loopback. */
export interface DebianRoot extends AsyncDisposable {
  /** Runs a program in it, as root. */
  readonly run: (file: string, ...args: string[]) => Promise<Ended>;
  /** The same in a shell; fails when it does. @returns what it printed */
  readonly shell: (script: string) => Promise<string>;
  /** A directory that is /mnt in there. */
  readonly shared: string;
}

const namespaces = ['--cgroup', '--mount', '--pid', '--uts', '--ipc', '--net'];

/** Boots it: what it writes is in memory, over the machine's own files, and gone in the end. Takes root. */
export async function startDebianRoot(): Promise<DebianRoot> {
  const directory = await mkdtemp(join(tmpdir(), 'mco-debian-'));
  const [place, shared] = [join(directory, 'place'), join(directory, 'shared')];
  await mkdir(place);
  await mkdir(shared);
  const cgroup = await makeCgroup(directory);
  // A process enters its cgroup before it makes the namespace that takes it for the root.
  const script = 'echo $$ >"$1/cgroup.procs" && shift && exec unshare "$@"';
  const boot = [...namespaces, '--fork', '--kill-child', 'sh', join(import.meta.dirname, 'boot.sh'), place, shared];
  const holder = spawn('sh', ['-c', script, 'sh', cgroup.path, ...boot], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said: Buffer[] = [];
  holder.stderr.on('data', (chunk) => said.push(chunk));
  const ended = once(holder, 'close');

  const stop = async () => {
    const first = await firstProcess(holder.pid);
    if (first !== undefined) process.kill(first, 'SIGKILL');
    else holder.kill('SIGKILL');
    await ended;
    await cgroup.remove();
    await rm(directory, { recursive: true, force: true });
  };
  const run = async (file: string, ...args: string[]) => {
    const first = await firstProcess(holder.pid);
    if (first === undefined) throw new Error(`the system has ended: ${Buffer.concat(said)}`);
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C.UTF-8',
      DEBIAN_FRONTEND: 'noninteractive',
    };
    return runProgram('nsenter', ['--target', String(first), '--all', '--', file, ...args], { env });
  };
  const shell = async (text: string) => {
    const { code, out, err } = await run('sh', '-eu', '-c', text);
    if (code !== 0) throw new Error(`exit code ${code} of: ${text}\n${out}\n${err}`);
    return out;
  };
  try {
    await untilBooted(run, () => holder.exitCode === null, said);
  } catch (error) {
    await stop();
    throw error;
  }
  return { run, shell, shared, [Symbol.asyncDispose]: stop };
}

async function untilBooted(run: DebianRoot['run'], alive: () => boolean, said: Buffer[]): Promise<void> {
  for (let tries = 0; tries < 300 && alive(); tries++) {
    const { out } = await run('systemctl', 'is-system-running', '--wait').catch(() => ({ out: '' }));
    if (/running|degraded/.test(out)) return;
    await sleep(100);
  }
  throw new Error(`systemd did not come up: ${Buffer.concat(said)}`);
}

/** The only child of the process that holds the namespaces. */
async function firstProcess(holder: number | undefined): Promise<number | undefined> {
  const children = await readFile(`/proc/${holder}/task/${holder}/children`, 'utf8').catch(() => '');
  return children.trim() === '' ? undefined : Number(children.trim().split(' ')[0]);
}

/** A cgroup of version 2, wherever the machine has them, even beside those of version 1. */
async function makeCgroup(directory: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const mounted = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
  if (mounted === undefined) throw new Error('the machine has no cgroups of version 2, which systemd needs');
  const path = join(mounted, directory.split('/').at(-1) ?? '');
  await mkdir(path);
  const remove = async () => {
    const listed = await runProgram('find', [path, '-depth', '-type', 'd']);
    // The kernel lets go of the last process a moment after it has ended.
    for (const one of listed.out.trim().split('\n')) await removeEmpty(one);
  };
  return { path, remove };
}

async function removeEmpty(cgroup: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await rmdir(cgroup);
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(50);
    }
  }
}
