import { link, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories, replaceFile, syncDirectory } from '../../../core/files/durable.ts';
import { ifThere } from '../../../core/files/if-there.ts';
import { parseJsonObject } from '../../../core/json.ts';
import { artifactName, sumsOf } from '../../../core/publish/layout.ts';
import type { ProvenTicket } from '../../../core/publish/ticket.ts';
import { removeBlob, type Store, sizeOf } from './store.ts';

/** A published artifact. */
export interface Entry {
  readonly application: string;
  readonly revision: string;
  /** Hex. */
  readonly sha256: string;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** As policies write it. */
  readonly by: string;
  readonly signed: boolean;
}

/**
 * All that are whole on this node, the newest first. A damaged entry is left out: its artifact can be published again.
 * @throws the error of the operating system for one that cannot be read: it may be whole
 */
export async function readEntries(store: Store, application?: string): Promise<Entry[]> {
  const names = application === undefined ? await readdir(store.applications) : [application];
  const found = await Promise.all(names.map((name) => readApplication(store, name)));
  return found.flat().sort((a, b) => b.at - a.at);
}

async function readApplication(store: Store, application: string): Promise<Entry[]> {
  const directory = store.application(application);
  const files = (await ifThere(readdir(directory))) ?? [];
  const entries = files.filter((file) => file.endsWith('.json')).map((file) => readEntry(join(directory, file)));
  return (await Promise.all(entries)).filter(
    (entry) => entry !== undefined && entry.application === application,
  ) as Entry[];
}

async function readEntry(file: string): Promise<Entry | undefined> {
  const bytes = await ifThere(readFile(file));
  if (bytes === undefined) return undefined;
  try {
    return parseJsonObject(bytes, file) as unknown as Entry;
  } catch {
    return undefined;
  }
}

export async function findEntry(store: Store, application: string, revision: string): Promise<Entry | undefined> {
  return await readEntry(entryFile(store, application, revision));
}

/** Whether all that appmgr needs of an entry is in its place. */
export async function isWhole(store: Store, { application, revision, sha256, size, signed }: Entry): Promise<boolean> {
  const artifact = artifactFile(store, application, revision);
  const [found, sums, signature] = await Promise.all([
    sizeOf(artifact),
    sizeOf(`${artifact}.sha256`),
    sizeOf(`${artifact}.sha256.sig`),
  ]);
  const hasBlob = (await sizeOf(store.blob(sha256))) === size;
  return hasBlob && found === size && sums !== undefined && (signature !== undefined || !signed);
}

/**
 * Publishes a whole artifact to appmgr. Cut off anywhere, it is done by doing it again: the entry is written last, and
 * appmgr takes no artifact without its sums.
 */
export async function placeEntry(store: Store, { ticket, caller }: ProvenTicket, now: number): Promise<Entry> {
  const { application, revision, size, sumsSignature } = ticket;
  const sha256 = ticket.sha256.toString('hex');
  const entry = { application, revision, sha256, size, at: now, by: caller, signed: sumsSignature.length > 0 };
  const artifact = artifactFile(store, application, revision);
  await makeDirectories(store.application(application), 0o700);
  await rm(`${artifact}.sha256`, { force: true });
  await rm(artifact, { force: true });
  await link(store.blob(sha256), artifact);
  if (entry.signed) await replaceFile(`${artifact}.sha256.sig`, `${sumsSignature.toString('base64')}\n`);
  else await rm(`${artifact}.sha256.sig`, { force: true });
  await replaceFile(`${artifact}.sha256`, sumsOf(application, revision, sha256));
  await replaceFile(entryFile(store, application, revision), JSON.stringify(entry));
  return entry;
}

/** Takes artifacts away from appmgr, and their bytes where no other revision has the same. @returns bytes that are free now */
export async function removeEntries(store: Store, entries: readonly Entry[]): Promise<number> {
  for (const { application, revision } of entries) {
    const artifact = artifactFile(store, application, revision);
    // The entry first: what is half removed is not listed, and can be published again.
    await rm(entryFile(store, application, revision), { force: true });
    for (const file of [`${artifact}.sha256`, `${artifact}.sha256.sig`, artifact]) await rm(file, { force: true });
    await syncDirectory(store.application(application));
  }
  const left = new Set((await readEntries(store)).map(({ sha256 }) => sha256));
  const gone = new Map(entries.filter(({ sha256 }) => !left.has(sha256)).map(({ sha256, size }) => [sha256, size]));
  for (const sha256 of gone.keys()) await removeBlob(store, sha256);
  return [...gone.values()].reduce((sum, size) => sum + size, 0);
}

function artifactFile(store: Store, application: string, revision: string): string {
  return join(store.application(application), artifactName(application, revision));
}

function entryFile(store: Store, application: string, revision: string): string {
  return join(store.application(application), `${application}-${revision}.json`);
}
