import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fleet } from '../../support/fleet/fleet.ts';
import { allowRip } from '../../support/node/node.ts';
import type { Memory } from './nodes.ts';

export const address = '10.78.0.1';
const nodesEach = 125;

/** Makes this process's network: one interface that carries multicast. */
export function makeNetwork(): void {
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
}

/** An entry of a list of nodes. */
export interface Listed {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

/** Processes that run daemons. */
export interface Processes extends Disposable {
  /** Starts these daemons in one more process. */
  readonly start: (files: readonly string[]) => Promise<{ readonly child: ChildProcess; readonly ports: number[] }>;
}

export function startProcesses(): Processes {
  const children: ChildProcess[] = [];
  return {
    start: async (files) => {
      const execArgv = [...process.execArgv, '--expose-gc'];
      const child = fork(join(import.meta.dirname, 'nodes.ts'), files, { execArgv });
      children.push(child);
      const [ports] = (await Promise.race([once(child, 'message'), failure(child)])) as [number[]];
      return { child, ports };
    },
    [Symbol.dispose]: () => {
      for (const child of children) child.kill();
    },
  };
}

/** Rejects when the process ends. */
async function failure(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`the process of the nodes ended with ${code}`);
}

export async function memoryOf(child: ChildProcess): Promise<Memory> {
  child.send('memory');
  const [memory] = (await once(child, 'message')) as [Memory];
  return memory;
}

/** Starts that many nodes. @param multicast whether they announce themselves */
export async function startNodes(
  fleet: Fleet,
  processes: Processes,
  size: number,
  multicast: boolean,
): Promise<Listed[]> {
  const listed: Listed[] = [];
  while (listed.length < size) {
    const count = Math.min(nodesEach, size - listed.length);
    const names = Array.from({ length: count }, (_, index) => `node${listed.length + index + 1}.devco.net`);
    const files: string[] = [];
    for (const name of names) files.push(await configure(fleet, name, { multicast }));
    const { ports } = await processes.start(files);
    listed.push(...names.map((name, index) => ({ name, address, port: ports[index] ?? 0 })));
  }
  return listed;
}

/** Writes a node's configuration. @returns the path of its node.yaml */
export async function configure(
  fleet: Fleet,
  name: string,
  { multicast, relay, metrics }: { readonly multicast: boolean; readonly relay?: string; readonly metrics?: number },
): Promise<string> {
  const { directory } = (await fleet.node(name, { relay: relay !== undefined })).files;
  await mkdir(join(directory, 'policies'));
  await writeFile(join(directory, 'policies/default.policy'), allowRip);
  const file = join(directory, 'node.yaml');
  const lines = [
    `listen: { address: ${address}, port: 0 }`,
    `discovery: { mdns: ${multicast}, interfaces: [mco0] }`,
    'audit: { file: audit.jsonl }',
    'state: state',
    'log: { level: silent }',
    'agents: { rpcutil: {} }',
    ...(relay === undefined ? [] : [`relay: ${relay}`]),
    ...(metrics === undefined ? [] : [`metrics: { port: ${metrics} }`]),
  ];
  await writeFile(file, lines.join('\n'));
  return file;
}

/** The operator's home, with a list of the nodes. @param socket of the host's own relay */
export async function configureClient(fleet: Fleet, nodes: readonly Listed[], socket: string): Promise<string> {
  const home = join(fleet.dir, 'home');
  const { certificate, key, ca } = (await fleet.operator('rip@devco.net')).files;
  const directory = join(home, '.config/mco-deploy');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'nodes.json'), JSON.stringify(nodes));
  await writeFile(
    join(directory, 'client.yaml'),
    `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }\nrelay_socket: ${socket}\ndiscovery: { method: file, file: nodes.json, interfaces: [mco0] }\n`,
  );
  return home;
}
