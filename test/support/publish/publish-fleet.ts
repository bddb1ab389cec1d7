import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { agents } from '../../../src/agents/index.ts';
import { makeTar } from '../agents/appmgr/tar-archive.ts';
import { type Fleet, type Member, makeFleet } from '../fleet/fleet.ts';
import { startTestNode, type TestNode, type TestNodeOptions } from '../node/node.ts';
import { makeHome } from '../program/home.ts';

const publishingAgents = agents.filter(({ ddl }) => ['publish', 'appmgr', 'rpcutil'].includes(ddl.name));

/** Nodes in this process that take published artifacts of “shop”, and an operator who may publish them. */
export interface PublishFleet extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly rip: Member;
  readonly nodes: TestNode[];
  readonly home: string;
  /** The agent's directory on a node. */
  readonly store: (node: TestNode) => string;
}

export interface PublishFleetOptions {
  readonly publish?: object;
  readonly appmgr?: object;
  /** The options of one node that differ from the others'. */
  readonly node?: (index: number, fleet: Fleet) => TestNodeOptions;
}

export async function startPublishFleet(count: number, options: PublishFleetOptions = {}): Promise<PublishFleet> {
  const fleet = await makeFleet();
  const rip = await fleet.operator('rip@devco.net');
  const nodes: TestNode[] = [];
  for (let index = 1; index <= count; index++) {
    const root = join(fleet.dir, `app-${index}`);
    await mkdir(root);
    nodes.push(
      await startTestNode(fleet, {
        name: nameOf(index),
        agents: publishingAgents,
        sections: {
          publish: { applications: { shop: {} }, ...options.publish },
          appmgr: { applications: { shop: { root, artifacts: 'published', ...options.appmgr } } },
        },
        ...options.node?.(index, fleet),
      }),
    );
  }
  const home = await makeHome(fleet.dir, rip, nodes);
  return {
    fleet,
    rip,
    nodes,
    home,
    store: ({ directory }) => join(directory, 'state/publish'),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
      await fleet.remove();
    },
  };
}

export function nameOf(index: number): string {
  return `dev${index}.devco.net`;
}

/** A .tar.gz of at least so many bytes, which no compression makes smaller. */
export async function writeArtifact(file: string, bytes = 1_000_000, text = 'revision 20'): Promise<Buffer> {
  const tar = makeTar([
    { path: 'index.html', content: text },
    { path: 'data.bin', content: randomBytes(bytes) },
  ]);
  const packed = gzipSync(tar, { level: 1 });
  await writeFile(file, packed);
  return packed;
}

export function sumOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
