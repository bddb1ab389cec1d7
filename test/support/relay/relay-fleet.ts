import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agents } from '../../../src/agents/index.ts';
import type { DiscoverEvent } from '../../../src/core/wire/messages.ts';
import { createRelayDial } from '../../../src/transport/relay/dial-relay.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { startTestNode, type TestNode, type TestNodeOptions } from '../node/node.ts';
import { probeAgent } from '../agents/probe-agent.ts';
import { placeOf } from '../program/home.ts';
import { until } from '../until.ts';

export const testAgents = [...agents.filter(({ ddl }) => ddl.name === 'rpcutil'), probeAgent];

/**
 * A node that relays to others, which stand in its list, and is connected to them, as it is a moment after its start: a
 * command that comes sooner would reach them directly. With policies of its own it may not say so, and connects later.
 * @param peers those that it knows; `more` holds more lines of node.yaml
 */
export async function startRelayNode(
  fleet: Fleet,
  name: string,
  peers: readonly TestNode[],
  options: TestNodeOptions & { readonly settings?: string; readonly more?: string } = {},
): Promise<TestNode> {
  const list = peers.map(placeOf);
  const file = join(fleet.dir, `${name}-peers.json`);
  await writeFile(file, JSON.stringify(list));
  const { settings = 'socket: false', more: lines = '', ...rest } = options;
  const relay = await startTestNode(fleet, {
    name,
    agents: testAgents,
    ...rest,
    config: `relay: { nodes: ${file}, ${settings} }\n${lines}`,
    certificate: { relay: true },
  });
  if (options.policies === undefined && peers.length > 0) await untilConnected(relay, peers, fleet);
  return relay;
}

async function untilConnected({ name, daemon }: TestNode, peers: readonly TestNode[], fleet: Fleet): Promise<void> {
  const { credentials } = await fleet.operator('rip@devco.net');
  const { signal } = new AbortController();
  const dial = createRelayDial(() => ({ credentials, trust: fleet.trust }), 60_000);
  const relay = await dial(name, [{ host: '127.0.0.1', port: daemon.port }], signal);
  const connected = new Set<string>();
  // A relay also reports nodes that it is not connected to, without their key.
  const note = ({ node, key }: DiscoverEvent) => key && connected.add(node);
  const names = peers.map((peer) => peer.name);
  const all = async () => {
    await relay.discover({ timeout: 0, names }, note, signal);
    return connected.size === names.length;
  };
  await until(`the relay ${name} is connected to ${names.join(', ')}`, all).finally(() => relay.close());
}

/** A home whose client.yaml knows relays and no other way to find nodes. */
export async function makeHomeWith(fleet: Fleet, directory: string, lines: string): Promise<void> {
  const { certificate, key, ca } = (await fleet.operator('rip@devco.net')).files;
  await mkdir(join(directory, '.config/mco-deploy'), { recursive: true });
  const tls = `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }`;
  const none = `relay_socket: ${join(directory, 'no-socket')}`;
  const text = [tls, ...(lines.includes('relay_socket') ? [] : [none]), lines].join('\n');
  await writeFile(join(directory, '.config/mco-deploy/client.yaml'), `${text}\n`);
}

export function relayLine(relays: readonly TestNode[]): string {
  const listed = relays.map(({ name, daemon }) => ({ name, address: `127.0.0.1:${daemon.port}` }));
  return `relays: ${JSON.stringify(listed)}`;
}
