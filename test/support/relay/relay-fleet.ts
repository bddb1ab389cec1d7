import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agents } from '../../../src/agents/index.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { startTestNode, type TestNode, type TestNodeOptions } from '../node/node.ts';
import { probeAgent } from '../agents/probe-agent.ts';
import { placeOf } from '../program/home.ts';

export const testAgents = [...agents.filter(({ ddl }) => ddl.name === 'rpcutil'), probeAgent];

/** A node that relays to others, which stand in its list. @param peers those that it knows; `more` holds more lines of node.yaml */
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
  return await startTestNode(fleet, {
    name,
    agents: testAgents,
    ...rest,
    config: `relay: { nodes: ${file}, ${settings} }\n${lines}`,
    certificate: { relay: true },
  });
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
