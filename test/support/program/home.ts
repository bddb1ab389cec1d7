import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Member } from '../fleet/fleet.ts';

/** Makes an operator's home: a client.yaml with its certificate, that finds these nodes by a file. @returns the directory */
export async function makeHome(
  directory: string,
  { files: { certificate, key, ca } }: Member,
  nodes: readonly { readonly name: string; readonly daemon: { readonly port: number } }[],
): Promise<string> {
  await mkdir(join(directory, '.config/mco-deploy'), { recursive: true });
  await writeFile(
    join(directory, '.config/mco-deploy/client.yaml'),
    `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }\ndiscovery: { method: file, file: ${directory}/nodes.json }\n`,
  );
  const list = nodes.map(({ name, daemon: { port } }) => ({ name, address: '127.0.0.1', port }));
  await writeFile(join(directory, 'nodes.json'), JSON.stringify(list));
  return directory;
}
