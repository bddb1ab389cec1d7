import { cp, readdir, readFile, readlink, rm, writeFile, appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { controlHost, isNode } from '../support/lab/estate.ts';
import { homeOf } from '../support/lab/files/control.ts';
import { checks } from '../support/lab/files/balancer.ts';
import { deployer } from '../support/lab/files/node.ts';
import { hostOf } from '../support/lab/find.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { balancersOf, reload } from '../support/lab/topologies/stage.ts';
import { processorTime } from './processor-time.ts';

const relay = 'notify1';
const ping = ['ping', '--json'];
const call = ['rpc', 'rpcutil', 'ping', '--json'];
const usage = join(import.meta.dirname, 'usage.py');

/** A command on a host of the lab, as the figures of a table's row. */
export interface Way {
  readonly what: string;
  readonly argv: readonly string[];
  /** The host of the client: the control host, or the relay's own host, whose daemon it reaches over its socket. */
  readonly host: string;
  /** Forget what earlier commands learned, so that the nodes are discovered again. */
  readonly live: boolean;
}

/** Medians of the rounds: milliseconds, and bytes on the client's link in both directions. */
export interface Figures {
  readonly time: number;
  /** A start of Node with nothing to do, on the same host just before: the measure of how fast the machine is at the moment. */
  readonly bareNode: number;
  readonly cpu: number;
  readonly relay: number;
  readonly nodes: number;
  readonly bytes: number;
}

function waysOf(address: string): Way[] {
  const via = ['--via', `${relay}.devco.net=${address}`];
  const direct = ['--via', 'direct'];
  const known = ['--dm', 'cache'];
  const live = (what: string, argv: readonly string[], host = controlHost.name): Way => ({
    what,
    argv,
    host,
    live: true,
  });
  const cached = (what: string, argv: readonly string[], host = controlHost.name): Way => ({
    what,
    argv,
    host,
    live: false,
  });
  return [
    live('live `ping`, directly', [...ping, ...direct]),
    live('live `ping`, through a relay', [...ping, ...via]),
    live('live `ping`, through the host’s own relay', ping, relay),
    live('a call, live discovery, directly', [...call, ...direct]),
    live('a call, live discovery, through a relay', [...call, ...via]),
    live('a call, live discovery, through the host’s own relay', call, relay),
    cached('a call, nodes known, directly', [...call, ...known, ...direct]),
    cached('a call, nodes known, through a relay', [...call, ...known, ...via]),
    cached('a call, nodes known, through the host’s own relay', [...call, ...known], relay),
  ];
}

/** Milliseconds until the daemons have done what follows a command: they sync their records within 100. */
const settled = 500;

/**
 * Measures each way alternately in a lab with this many nodes, all with their own namespace.
 * @param quiet the load balancer checks its servers as seldom as by default, and each command has a pause before it
 */
export async function measureReach(nodes: number, rounds: number, quiet: boolean): Promise<[Way, Figures][]> {
  await using lab = await startLab({ hosts: nodes - 3 });
  await makeRelay(lab);
  if (quiet) for (const balancer of balancersOf(lab)) await checkSeldom(lab, balancer);
  const ways = waysOf(hostOf(lab.state, relay).address);
  const pids = await daemonsOf(lab);
  const home = homeOf(deployer);
  await cp(lab.path(controlHost.name, home), lab.path(relay, home), { recursive: true });
  for (const way of ways) await untilAllAnswer(lab, way, nodes);
  const taken = ways.map((): Figures[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, way] of ways.entries()) {
      if (way.live) await rm(lab.path(way.host, `${home}/.cache`), { recursive: true, force: true });
      // Nodes are known from an earlier command of this host: one that found them through a relay has no addresses of them.
      else await run(lab, { ...way, argv: ping });
      if (quiet) await delay(settled);
      taken[index]?.push(await measureOnce(lab, way, pids));
    }
  return ways.map((way, index) => [way, mediansOf(taken[index] ?? [])]);
}

async function measureOnce(lab: Lab, way: Way, pids: ReadonlyMap<string, number>): Promise<Figures> {
  const bareNode = await measure(lab, way.host, [process.execPath, '-e', '0']);
  const before = await countAll(lab, way.host, pids);
  const { time, cpu } = await measure(lab, way.host, ['mco-deploy', ...way.argv]);
  const after = await countAll(lab, way.host, pids);
  const [relayed, others, bytes] = after.map((count, index) => count - (before[index] ?? 0));
  return { time, bareNode: bareNode.time, cpu, relay: relayed ?? 0, nodes: others ?? 0, bytes: bytes ?? 0 };
}

/** Milliseconds from a program's start to its end, and of CPU. */
async function measure(lab: Lab, host: string, command: readonly string[]): Promise<{ time: number; cpu: number }> {
  const { code, stderr } = await lab.exec(host, ['python3', usage, ...command], { home: `/${homeOf(deployer)}` });
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as { time: number; cpu: number };
}

function run(lab: Lab, { host, argv }: Way) {
  return lab.exec(host, ['mco-deploy', ...argv], { home: `/${homeOf(deployer)}` });
}

/** CPU of the relay and of the other nodes, and bytes on the link of the client's host. */
async function countAll(lab: Lab, host: string, pids: ReadonlyMap<string, number>): Promise<[number, number, number]> {
  const counts = await Promise.all([...pids].map(async ([name, pid]) => [name, await processorTime(pid)] as const));
  const sum = (mine: boolean) =>
    counts.filter(([name]) => name.startsWith(`${relay}.`) === mine).reduce((total, [, count]) => total + count, 0);
  return [sum(true), sum(false), await bytesOn(lab, host)];
}

/** Received and sent on every interface but loopback (proc_net(5), dev). */
async function bytesOn(lab: Lab, host: string): Promise<number> {
  const holder = lab.state.holders[hostOf(lab.state, host).name]?.pid ?? 0;
  const lines = (await readFile(`/proc/${holder}/net/dev`, 'utf8')).split('\n').slice(2);
  return lines
    .map((line) => line.trim().split(/[:\s]+/))
    .filter(([name]) => name !== 'lo')
    .reduce((sum, fields) => sum + Number(fields[1] ?? 0) + Number(fields[9] ?? 0), 0);
}

/** The process of each node's daemon, by the host's name: by the namespace of its processes. */
async function daemonsOf(lab: Lab): Promise<Map<string, number>> {
  const namespaces = new Map<string, string>();
  for (const { name } of lab.hosts.filter(isNode))
    namespaces.set(await readlink(`/proc/${lab.state.holders[name]?.pid}/ns/pid_for_children`), name);
  const found = new Map<string, number>();
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const title = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', '');
    const name =
      title === 'mco-deploy' ? namespaces.get(await readlink(`/proc/${pid}/ns/pid`).catch(() => '')) : undefined;
    if (name !== undefined) found.set(name, Number(pid));
  }
  const missing = [...namespaces.values()].filter((name) => !found.has(name));
  if (missing.length > 0) throw new Error(`no daemon was found on ${missing.join(', ')}`);
  return found;
}

/** Every 2 s, HAProxy's default (configuration manual, 5.2, “inter”). */
async function checkSeldom(lab: Lab, balancer: string): Promise<void> {
  const file = lab.path(balancer, 'etc/haproxy/haproxy.cfg');
  await writeFile(file, (await readFile(file, 'utf8')).replace(checks, 'check'));
  await reload(lab, balancer);
}

async function makeRelay(lab: Lab): Promise<void> {
  await appendFile(lab.path(relay, 'etc/mco-deploy/node.yaml'), 'relay: {}\n');
  const policy = `policy default deny\nallow\tcert=${deployer}\tforward discover\t*\t*\n`;
  await writeFile(lab.path(relay, 'etc/mco-deploy/policies/relay.policy'), policy);
  await lab.daemon(relay).stop();
  await lab.daemon(relay).start();
}

/** A relay needs a moment until it has a connection to every node. */
async function untilAllAnswer(lab: Lab, way: Way, nodes: number): Promise<void> {
  let last = '';
  for (let tries = 0; tries < 120; tries++, await delay(500)) {
    const { stdout, stderr } = await run(lab, {
      ...way,
      argv: [...ping, ...wayOf(way.argv)],
    });
    last = stdout + stderr;
    if ((JSON.parse(stdout || '{}') as { nodes?: unknown[] }).nodes?.length === nodes) return;
  }
  throw new Error(`not all of ${nodes} nodes answer for “${way.what}”: ${last}`);
}

/** The option that names the relay, where there is one. */
function wayOf(argv: readonly string[]): readonly string[] {
  const at = argv.indexOf('--via');
  return at < 0 ? [] : argv.slice(at);
}

function mediansOf(rounds: readonly Figures[]): Figures {
  const median = (value: (figures: Figures) => number) =>
    rounds.map(value).sort((a, b) => a - b)[Math.floor(rounds.length / 2)] ?? 0;
  return {
    time: median(({ time }) => time),
    bareNode: median(({ bareNode }) => bareNode),
    cpu: median(({ cpu }) => cpu),
    relay: median(({ relay: milliseconds }) => milliseconds),
    nodes: median(({ nodes }) => nodes),
    bytes: median(({ bytes }) => bytes),
  };
}
