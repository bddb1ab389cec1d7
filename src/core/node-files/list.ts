import { createHash } from 'node:crypto';
import { constants, type Dirent } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.ts';
import { type FileKind, kindDirectories, pathIn } from './kinds.ts';
import { ifThere } from '../files/if-there.ts';

/** A file of a node's configuration. */
export interface NodeFile {
  readonly kind: FileKind;
  readonly name: string;
  readonly content: string;
}

/** The existing files of all kinds, in the order of kinds and names. Links are not followed. */
export async function listNodeFiles(directory: string): Promise<NodeFile[]> {
  const files: NodeFile[] = [];
  for (const [kind, below] of kindDirectories) {
    for (const name of await namesIn(join(directory, below))) {
      const place = pathIn(kind, name);
      if (place === undefined) continue;
      const content = await readRegular(join(directory, place));
      if (content !== undefined) files.push({ kind, name, content });
    }
  }
  return files;
}

async function namesIn(directory: string): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

/** The content of a file that is not a link; undefined when there is no such file. */
export async function readRegular(path: string): Promise<string | undefined> {
  const handle = await ifThere(open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (handle === undefined) return undefined;
  try {
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

export function sumOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A sum over all files: equal sums of two nodes, or of two moments, mean equal configurations. */
export function digestFiles(files: readonly NodeFile[]): string {
  const lines = files.map(({ kind, name, content }) => `${kind}/${name} ${sumOf(content)}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex');
}
