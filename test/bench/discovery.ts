// npm run bench:discovery [-- NODES…]: how many of the nodes a client finds, in what time and with what it takes, by mDNS and by list.
// Runs in a network namespace of its own (unshare --net), in which one interface carries the multicast.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Fleet, makeFleet } from '../support/fleet.ts';
import { runProgram } from '../support/run-program.ts';

const repository = join(import.meta.dirname, '../..');
const address = '10.78.0.1';
const nodesEach = 125;
const rounds = { few: 20, many: 5 };
/** Until all have probed for their names and announced them, which takes a second and more: not what is measured. */
const mostWarmUps = 20;
/** Responders of one process hear each other's every packet, which real hosts do not share one core for. */
const mostByMulticast = 100;

const byMulticast = ['ping', '--dm', 'mdns', '--json'];

interface Round {
  readonly found: number;
  /** Milliseconds: until the last node was proven, and of the whole process. */
  readonly last: number;
  readonly whole: number;
  readonly cpu: number;
  /** MiB */
  readonly memory: number;
}

for (const words of [
  'link set lo up',
  'link add mco0 type veth peer name mco1',
  `addr add ${address}/16 dev mco0`,
  'link set mco0 up',
  'link set mco1 up',
])
  execFileSync('ip', words.split(' '));
const sizes = process.argv.slice(2).map(Number);
process.stdout.write(
  '| nodes | by | found | last node (median, slowest) | whole command | client CPU | client memory |\n|---|---|---|---|---|---|---|\n',
);
for (const size of sizes.length === 0 ? [12, 100, 500, 1000] : sizes) await measure(size);

async function measure(size: number): Promise<void> {
  await using fleet = await makeFleet();
  const home = join(fleet.dir, 'home');
  const multicast = size <= mostByMulticast;
  const names = Array.from({ length: size }, (_, index) => `node${index + 1}.devco.net`);
  const files: string[] = [];
  for (const name of names) files.push(await configure(fleet, name, multicast));
  const children: ChildProcess[] = [];
  try {
    const ports: number[] = [];
    for (let begin = 0; begin < size; begin += nodesEach) {
      const child = fork(join(import.meta.dirname, 'nodes.ts'), files.slice(begin, begin + nodesEach));
      children.push(child);
      const [told] = (await once(child, 'message')) as [number[]];
      ports.push(...told);
    }
    await configureClient(
      fleet,
      home,
      names.map((name, index) => ({ name, address, port: ports[index] })),
    );
    const count = multicast ? rounds.few : rounds.many;
    if (multicast) await warmUp(home, size);
    if (multicast) report(size, 'mDNS', await runRounds(home, byMulticast, count));
    report(size, 'list', await runRounds(home, ['ping', '--json'], count));
  } finally {
    for (const child of children) child.kill();
  }
}

async function warmUp(home: string, size: number): Promise<void> {
  for (let tries = 0; tries < mostWarmUps; tries++) {
    const [round] = await runRounds(home, byMulticast, 1);
    if (round?.found === size) return;
  }
}

async function configure(fleet: Fleet, name: string, multicast: boolean): Promise<string> {
  const { directory } = (await fleet.node(name)).files;
  const file = join(directory, 'node.yaml');
  const lines = [
    `listen: { address: ${address}, port: 0 }`,
    `discovery: { mdns: ${multicast}, interfaces: [mco0] }`,
    'audit: { file: audit.jsonl }',
    'state: state',
    'log: { level: silent }',
    'agents: { rpcutil: {} }',
  ];
  await writeFile(file, lines.join('\n'));
  return file;
}

async function configureClient(fleet: Fleet, home: string, nodes: readonly object[]): Promise<void> {
  const { certificate, key, ca } = (await fleet.operator('rip@devco.net')).files;
  const directory = join(home, '.config/mco-deploy');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'nodes.json'), JSON.stringify(nodes));
  await writeFile(
    join(directory, 'client.yaml'),
    `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }\ndiscovery: { method: file, file: nodes.json, interfaces: [mco0] }\n`,
  );
}

async function runRounds(home: string, words: readonly string[], count: number): Promise<Round[]> {
  const done: Round[] = [];
  while (done.length < count) {
    await rm(join(home, '.cache'), { recursive: true, force: true });
    const begun = performance.now();
    const { out, err } = await runProgram(
      'sh',
      ['build/node24', '--import', './test/bench/usage.ts', 'src/main.ts', ...words],
      {
        cwd: repository,
        env: { HOME: home, PATH: process.env.PATH ?? '' },
      },
    );
    const whole = performance.now() - begun;
    const { nodes, ms } = JSON.parse(out) as { nodes: unknown[]; ms: number };
    const { cpu, memory } = JSON.parse(err.trimEnd().split('\n').at(-1) ?? '') as { cpu: number; memory: number };
    done.push({ found: nodes.length, last: ms, whole, cpu, memory });
  }
  return done;
}

function report(size: number, by: string, done: readonly Round[]): void {
  const sorted = (key: keyof Round) => done.map((round) => round[key]).sort((a, b) => a - b);
  const median = (key: keyof Round) => (sorted(key)[Math.floor(done.length / 2)] ?? 0).toFixed(0);
  const complete = done.filter(({ found }) => found === size).length;
  const slowest = (sorted('last').at(-1) ?? 0).toFixed(0);
  process.stdout.write(
    `| ${size} | ${by} | all in ${complete} of ${done.length} | ${median('last')} ms, ${slowest} ms | ${median('whole')} ms | ${median('cpu')} ms | ${median('memory')} MiB |\n`,
  );
}
