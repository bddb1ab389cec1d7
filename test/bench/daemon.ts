// Prints what a start of the built program costs, and what one daemon costs while nobody calls it. Takes root: it has its own network.
//   npm run bench:daemon [-- SECONDS]     how long the idle daemon is watched (30)
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const binary = join(import.meta.dirname, '../../build/out/mco-deploy');
const seconds = Number(process.argv[2] ?? 30);
const rounds = 21;

printStarts();
await printDaemon();

/** Takes them alternately, so that other work of the machine affects all alike. */
function printStarts(): void {
  const commands = {
    'node -e 0': [process.execPath, '-e', '0'],
    'mco-deploy --version': [binary, '--version'],
    'mco-deploy --help': [binary, '--help'],
    'mco-deploy complete rpc haproxy ""': [binary, 'complete', 'rpc', 'haproxy', ''],
  };
  const times = Object.entries(commands).map(([name, argv]) => ({ name, argv, taken: [] as number[] }));
  for (let round = 0; round < rounds; round++)
    for (const { argv, taken } of times) {
      const began = performance.now();
      spawnSync(argv[0] ?? '', argv.slice(1), { stdio: 'ignore' });
      taken.push(performance.now() - began);
    }
  const bare = median(times[0]?.taken ?? []);
  for (const { name, taken } of times)
    print(`${name.padEnd(36)} ${median(taken).toFixed(1).padStart(6)} ms  ${(median(taken) / bare).toFixed(2)}`);
}

async function printDaemon(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'mco-bench-'));
  try {
    await prepare(directory);
    const began = performance.now();
    const daemon = spawn(binary, ['daemon', '--config', join(directory, 'node.yaml')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(daemon, 'close');
    for await (const line of createInterface(daemon.stdout)) if (line.includes('"listening"')) break;
    print(`daemon: listening after ${Math.round(performance.now() - began)} ms`);
    // Until the start's garbage is collected, once by the daemon and once more by V8, and the name is announced.
    await sleep(20_000);
    const before = await processorTime(daemon.pid);
    await sleep(seconds * 1000);
    const used = ((await processorTime(daemon.pid)) - before) / seconds;
    const memory = await readMemory(daemon.pid);
    print(`daemon: idle for ${seconds} s: ${used.toFixed(2)} ms of CPU a second`);
    print(
      `daemon: ${memory.Pss} MB PSS: ${memory.Pss_Anon} MB of its own, ${memory.Pss_File} MB of the program's file`,
    );
    daemon.kill();
    await ended;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function prepare(directory: string): Promise<void> {
  const env = { ...process.env, XDG_DATA_HOME: directory };
  const run = (...argv: string[]) => spawnSync(binary, argv, { env, stdio: 'ignore' });
  run('ca', 'init', '--realm', 'devco.net');
  run('ca', 'issue', 'node', 'web1.devco.net', '--bundle', join(directory, 'node.tar.gz'));
  spawnSync('tar', ['-xzf', join(directory, 'node.tar.gz'), '-C', directory]);
  spawnSync('ip', ['link', 'set', 'lo', 'up', 'multicast', 'on']);
  const agents = 'agents: { rpcutil: {}, lock: {}, audit: {}, nrpe: { config: /etc/nagios/nrpe.cfg } }';
  const settings = ['listen: { address: 127.0.0.1, port: 0 }', 'audit: { file: audit.jsonl }', 'state: state', agents];
  await writeFile(join(directory, 'node.yaml'), `${settings.join('\n')}\n`);
}

/** Milliseconds, of all its threads, by the scheduler's own count: that of proc_pid_stat(5) samples, and shows tenfold of next to nothing. */
async function processorTime(pid: number | undefined): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const counts = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')));
  return counts.reduce((sum, count) => sum + Number(count.split(' ')[0]), 0) / 1e6;
}

async function readMemory(pid: number | undefined): Promise<Record<string, number>> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Object.fromEntries(
    [...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, kb]) => [name, Math.round(Number(kb) / 1024)]),
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
