import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Member } from '../fleet/fleet.ts';

/** A node that listens. */
interface StartedNode {
  readonly name: string;
  readonly daemon: { readonly port: number };
}

/** A node as the source `file` lists it. */
export interface ListedPlace {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export function placeOf({ name, daemon: { port } }: StartedNode): ListedPlace {
  return { name, address: '127.0.0.1', port };
}

/**
 * Makes an operator's home: a client.yaml with its certificate, that finds these nodes by a file.
 * @param more further lines of client.yaml
 * @returns the directory
 */
export async function makeHome(
  directory: string,
  { files: { certificate, key, ca } }: Member,
  nodes: readonly StartedNode[],
  more = '',
): Promise<string> {
  await mkdir(join(directory, '.config/mco-deploy'), { recursive: true });
  await writeFile(
    join(directory, '.config/mco-deploy/client.yaml'),
    `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }\ndiscovery: { method: file, file: ${directory}/nodes.json }\n${more}`,
  );
  await listNodes(directory, nodes);
  return directory;
}

/** Lists these nodes, and no others, for the operator with this home. */
export async function listNodes(directory: string, nodes: readonly StartedNode[]): Promise<void> {
  await writeFile(join(directory, 'nodes.json'), JSON.stringify(nodes.map(placeOf)));
}
