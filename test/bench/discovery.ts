// npm run bench:discovery [-- [--rounds N] NODES…]: how many of the nodes a client finds, in what time and with what it takes:
// heard by mDNS, then pinged (proven over mutual TLS) by mDNS and by list, and called where they are known; then the same by
// way of a relay that keeps its connections to them open.
// Runs in a network namespace of its own (unshare --net), in which one interface carries the multicast.
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Fleet, makeFleet } from '../support/fleet/fleet.ts';
import { allowRip } from '../support/node/node.ts';
import { runProgram } from '../support/program/run-program.ts';
import { processorTime } from './processor-time.ts';
import { startCounting, type Traffic } from './traffic.ts';

const repository = join(import.meta.dirname, '../..');
const address = '10.78.0.1';
const nodesEach = 125;
/**
 * Until all have probed for their names, announced them and asked for the others, which is not what is measured: all hear
 * each other's every packet, and here share two cores for it.
 */
const mostWarmUps = 600;

const program = 'build/out/mco-deploy';
const relayName = 'relay.devco.net';
const call = [program, 'rpc', 'rpcutil', 'ping', '--json'];
const means: readonly Means[] = [
  { name: 'heard by mDNS', argv: ['sh', 'build/node24', 'test/bench/hear.ts'] },
  { name: 'ping by mDNS', argv: [program, 'ping', '--dm', 'mdns', '--json'] },
  { name: 'ping by list', argv: [program, 'ping', '--json'] },
  { name: 'call by list', argv: call },
  { name: 'call by mDNS', argv: [...call, '--dm', 'mdns'] },
];
/** @param way how the relay is named; nothing for the host’s own daemon, at its socket */
const relayMeans = (way: readonly string[], over: string): readonly Means[] => [
  { name: `ping, found by a relay (${over})`, argv: [program, 'ping', '--json', '--dm', 'relay', ...way], extra: 1 },
  { name: `call by list over a relay (${over})`, argv: [...call, ...way] },
  { name: `call, found by a relay (${over})`, argv: [...call, '--dm', 'relay', ...way], extra: 1 },
];

interface Means {
  readonly name: string;
  readonly argv: readonly string[];
  /** Nodes that are found besides: the relay is one. */
  readonly extra?: number;
}

interface Round {
  readonly found: number;
  /** Milliseconds: until the last node was heard or proven, and of the whole process. */
  readonly last: number;
  readonly whole: number;
  readonly cpu: number;
  /** MiB */
  readonly memory: number;
  /** Milliseconds of CPU of the relay. */
  readonly relay: number;
  readonly mdns: Traffic;
  readonly tls: Traffic;
}

for (const words of [
  'link set lo up',
  'link add mco0 type veth peer name mco1',
  `addr add ${address}/16 dev mco0`,
  'link set mco0 up',
  'link set mco1 up',
])
  execFileSync('ip', words.split(' '));
// Each question would go to the nodes twice, which are on one host that is the client's too.
execFileSync('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/mco0/disable_ipv6']);
const traffic = startCounting();
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '20' } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const sizes = positionals.map(Number);
process.stdout.write(
  '| nodes | by | all found | last node (median, slowest) | whole command | client CPU | client memory | relay CPU | mDNS | TLS |\n|---|---|---|---|---|---|---|---|---|---|\n',
);
for (const size of sizes.length === 0 ? [12, 100, 500, 1000] : sizes) await measure(size);

async function measure(size: number): Promise<void> {
  await using fleet = await makeFleet();
  const home = join(fleet.dir, 'home');
  const names = Array.from({ length: size }, (_, index) => `node${index + 1}.devco.net`);
  const files: string[] = [];
  for (const name of names) files.push(await configure(fleet, name));
  const children: ChildProcess[] = [];
  try {
    const ports: number[] = [];
    for (let begin = 0; begin < size; begin += nodesEach) {
      const child = fork(join(import.meta.dirname, 'nodes.ts'), files.slice(begin, begin + nodesEach));
      children.push(child);
      const [told] = (await Promise.race([once(child, 'message'), failure(child)])) as [number[]];
      ports.push(...told);
    }
    await configureClient(
      fleet,
      home,
      names.map((name, index) => ({ name, address, port: ports[index] })),
    );
    await warmUp(home, size);
    for (const one of means) report(size, one, await runRounds(home, one.argv, undefined));
    const nodes = names.map((name, index) => ({ name, address, port: ports[index] }));
    const relay = await startRelay(fleet, nodes);
    children.push(relay.child);
    const client = join(home, '.config/mco-deploy/client.yaml');
    await relay.whenWarm(home, size);
    const way = ['--via', `${relayName}=${address}:${relay.port}`];
    for (const one of relayMeans(way, 'TLS')) report(size, one, await runRounds(home, one.argv, relay.child.pid));
    await appendFile(client, `relay_socket: ${relay.socket}\n`);
    for (const one of relayMeans([], 'socket')) report(size, one, await runRounds(home, one.argv, relay.child.pid));
    process.stderr.write(
      `the relay has ${size} connections and ${await residentMemory(relay.child.pid)} MiB of memory of its own\n`,
    );
  } finally {
    for (const child of children) child.kill();
  }
}

/** Rejects when the process ends. */
async function failure(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`the process of the nodes ended with ${code}`);
}

/** Until all are heard, five times in a row. */
async function warmUp(home: string, size: number): Promise<void> {
  const [hear] = means;
  for (let tries = 0, good = 0; tries < mostWarmUps && good < 5 && hear !== undefined; tries++) {
    const [round] = await runRounds(home, hear.argv, undefined, 1);
    good = round?.found === size ? good + 1 : 0;
    await delay(500);
  }
}

/** A relay with all nodes in its list, in a process of its own. */
async function startRelay(fleet: Fleet, nodes: readonly object[]) {
  const list = join(fleet.dir, 'peers.json');
  await writeFile(list, JSON.stringify(nodes));
  const socket = join(fleet.dir, 'relay.sock');
  const settings = `relay: { nodes: ${list}, socket: ${socket}, max_peers: 20000 }`;
  const file = await configure(fleet, relayName, [settings]);
  const child = fork(join(import.meta.dirname, 'nodes.ts'), [file]);
  const [[port]] = (await Promise.race([once(child, 'message'), failure(child)])) as [number[]];
  const whenWarm = async (home: string, size: number) => {
    const way = ['--via', `${relayName}=${address}:${port}`];
    for (let found = 0; found < size + 1; await delay(500)) {
      const [round] = await runRounds(home, [program, 'ping', '--json', '--dm', 'relay', ...way], undefined, 1);
      found = round?.found ?? 0;
    }
  };
  return { child, port, socket, whenWarm };
}

/** MiB of anonymous memory. */
async function residentMemory(pid = 0): Promise<string> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/^RssAnon:\s+(\d+)/m.exec(text)?.[1]) / 1024).toFixed(0);
}

/** Milliseconds of CPU; none where no relay is asked. */
function relayTime(pid: number | undefined): Promise<number> {
  return pid === undefined ? Promise.resolve(0) : processorTime(pid);
}

async function configure(fleet: Fleet, name: string, more: readonly string[] = []): Promise<string> {
  const { directory } = (await fleet.node(name, { relay: more.length > 0 })).files;
  await mkdir(join(directory, 'policies'));
  await writeFile(join(directory, 'policies/default.policy'), allowRip);
  const file = join(directory, 'node.yaml');
  const lines = [
    `listen: { address: ${address}, port: 0 }`,
    'discovery: { mdns: true, interfaces: [mco0] }',
    'audit: { file: audit.jsonl }',
    'state: state',
    'log: { level: silent }',
    'agents: { rpcutil: {} }',
    ...more,
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

async function runRounds(
  home: string,
  argv: readonly string[],
  relayPid: number | undefined,
  count = rounds,
): Promise<Round[]> {
  const done: Round[] = [];
  while (done.length < count) {
    await rm(join(home, '.cache'), { recursive: true, force: true });
    traffic.read();
    const relayBefore = await relayTime(relayPid);
    const begun = performance.now();
    const { out, err } = await runProgram('python3', ['test/bench/usage.py', ...argv], {
      cwd: repository,
      env: { HOME: home, PATH: process.env.PATH ?? '' },
    });
    const whole = performance.now() - begun;
    const relay = (await relayTime(relayPid)) - relayBefore;
    const { found, last } = readFound(JSON.parse(out) as Told, whole);
    const { cpu, memory } = JSON.parse(err.trimEnd().split('\n').at(-1) ?? '') as { cpu: number; memory: number };
    done.push({ found, last, whole, cpu, memory, relay, ...traffic.read() });
  }
  return done;
}

type Told = { nodes: unknown[]; elapsed_ms: number } | { found: number; last: number } | { outcome: string }[];

function readFound(told: Told, whole: number): { found: number; last: number } {
  if (Array.isArray(told)) return { found: told.filter(({ outcome }) => outcome === 'ok').length, last: whole };
  return 'nodes' in told ? { found: told.nodes.length, last: told.elapsed_ms } : told;
}

function report(size: number, { name: by, extra = 0 }: Means, done: readonly Round[]): void {
  const sorted = (value: (round: Round) => number) => done.map(value).sort((a, b) => a - b);
  const median = (value: (round: Round) => number) => (sorted(value)[Math.floor(done.length / 2)] ?? 0).toFixed(0);
  const complete = done.filter(({ found }) => found === size + extra).length;
  const slowest = (sorted(({ last }) => last).at(-1) ?? 0).toFixed(0);
  const sent = (which: 'mdns' | 'tls') =>
    `${median((round) => round[which].packets)} packets, ${median((round) => round[which].bytes / 1024)} KiB`;
  const cells = [
    size,
    by,
    `${complete} of ${done.length}`,
    `${median(({ last }) => last)} ms, ${slowest} ms`,
    `${median(({ whole }) => whole)} ms`,
    `${median(({ cpu }) => cpu)} ms`,
    `${median(({ memory }) => memory)} MiB`,
    `${median(({ relay }) => relay)} ms`,
    sent('mdns'),
    sent('tls'),
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
