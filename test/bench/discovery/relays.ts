import type { ChildProcess } from 'node:child_process';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { address, configure, type Listed, memoryOf, type Processes } from './estate.ts';
import type { Memory } from './nodes.ts';

/** A relay in its own process, connected to its nodes. */
export interface BenchRelay {
  readonly name: string;
  readonly child: ChildProcess;
  /** For `--via`. */
  readonly via: string;
  readonly peers: number;
  /** Before it had any peers, and with all of them connected. */
  readonly empty: Memory;
  readonly warm: Memory;
}

/** The socket of a relay, for users of its host. */
export function socketOf(fleet: Fleet, name: string): string {
  return join(fleet.dir, `${name}.sock`);
}

/** @param countFound how many nodes a client finds over a relay, itself included */
export async function startRelay(
  fleet: Fleet,
  processes: Processes,
  name: string,
  nodes: readonly Listed[],
  countFound: (via: readonly string[]) => Promise<number>,
): Promise<BenchRelay> {
  const list = join(fleet.dir, `${name}.json`);
  // Its own name is not its peer: a list of no nodes.
  await writeFile(list, JSON.stringify([{ name, address }]));
  const relay = `{ nodes: ${list}, socket: ${socketOf(fleet, name)}, max_peers: 20000 }`;
  const metrics = await freePort();
  const file = await configure(fleet, name, { multicast: false, relay, metrics });
  const { child, ports } = await processes.start([file]);
  const via = `${name}=${address}:${ports[0]}`;
  // The client's questions load the code of a relay, which is not the memory of a connection.
  for (let found = 0; found < 1; await delay(500)) found = await countFound(['--via', via]);
  const empty = await memoryOf(child);
  await writeFile(`${list}.new`, JSON.stringify(nodes));
  await rename(`${list}.new`, list);
  while ((await countWarm(metrics)) < nodes.length) await delay(500);
  // The garbage of the handshakes is collected by then.
  await delay(1000);
  return { name, child, via, peers: nodes.length, empty, warm: await memoryOf(child) };
}

/** The connections that the relay has, by its own metrics. */
async function countWarm(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(/^mco_deploy_relay_connections_warm (\d+)/m.exec(text)?.[1]);
}

/** The memory of each connection, in KiB. */
export function memoryPerPeer({ peers, empty, warm }: BenchRelay): string {
  const each = (of: (memory: Memory) => number) => `${(((of(warm) - of(empty)) * 1024) / peers).toFixed(0)} KiB`;
  return `each of ${peers} warm connections takes ${each(({ own }) => own)} of the relay’s own memory (of these ${each(({ heap }) => heap)} heap, ${each(({ external }) => external)} buffers)`;
}
