import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories, replaceFile, syncDirectory } from '../../core/files/durable.ts';
import { ifThere } from '../../core/files/if-there.ts';
import { surplusOf } from '../../core/shares.ts';
import { assertMessageId, digestMessage, type Message, parseMessage } from './message.ts';

/** The end of a message. `reason` is empty for a delivered one. */
export interface Settled {
  readonly digest: string;
  /** Empty if an older version recorded it. */
  readonly caller: string;
  readonly at: number;
  readonly reason: string;
}

/** The spool on the disk: `queue/`, `delivered/` (ids, without the text) and `dead/`, one file a message. */
export interface Spool {
  readonly queued: ReadonlyMap<string, Message>;
  readonly delivered: ReadonlyMap<string, Settled>;
  readonly dead: ReadonlyMap<string, Settled>;
  /** Returns when the message is on the disk: from then on it is not lost. */
  readonly put: (message: Message) => Promise<void>;
  readonly settle: (message: Message, at: number, reason: string) => Promise<void>;
  /** A dead letter as it was accepted; undefined when it is damaged or gone. */
  readonly deadLetter: (id: string) => Promise<Message | undefined>;
  /** Puts a dead letter back into the queue in this form. A crash in the middle leaves it as a dead letter. */
  readonly revive: (message: Message) => Promise<void>;
}

/** How long the id of a delivered message is remembered, in milliseconds. */
const memory = 7 * 86400_000;

/**
 * @param now milliseconds since the epoch
 * @param most how many delivered messages, and how many dead letters, are remembered
 */
export async function openSpool(directory: string, now: number, most = 10_000): Promise<Spool> {
  const forget = (folder: string, settled: Map<string, Settled>, before: number) =>
    forgetSettled(folder, settled, before, most);
  const folders = {
    queue: join(directory, 'queue'),
    delivered: join(directory, 'delivered'),
    dead: join(directory, 'dead'),
  };
  for (const folder of Object.values(folders)) await makeDirectories(folder, 0o700);
  const delivered = await loadSettled(folders.delivered);
  const dead = await loadSettled(folders.dead);
  const queued = await loadQueue(folders.queue, folders.dead, new Set([...delivered.keys(), ...dead.keys()]));
  await forget(folders.delivered, delivered, now - memory);
  const put = async (message: Message) => {
    assertMessageId(message.id);
    queued.set(message.id, message);
    try {
      await replaceFile(fileIn(folders.queue, message.id), JSON.stringify(message));
    } catch (error) {
      if (message.attempts === 0) queued.delete(message.id);
      throw error;
    }
  };
  return {
    queued,
    delivered,
    dead,
    put,
    settle: async (message, at, reason) => {
      const settled = { digest: digestMessage(message), caller: message.caller, at, reason };
      const [folder, known] = reason === '' ? [folders.delivered, delivered] : [folders.dead, dead];
      // Written before the other is removed: a message in both has ended, and is not sent again.
      const record = reason === '' ? settled : { ...message, ...settled };
      await replaceFile(fileIn(folder, message.id), JSON.stringify(record));
      known.set(message.id, settled);
      queued.delete(message.id);
      await rm(fileIn(folders.queue, message.id), { force: true });
      await forget(folders.delivered, delivered, at - memory);
      await forget(folders.dead, dead, 0);
    },
    deadLetter: async (id) => {
      assertMessageId(id);
      const text = await ifThere(readFile(fileIn(folders.dead, id), 'utf8'));
      return text === undefined ? undefined : parseMessage(text);
    },
    revive: async (message) => {
      await put(message);
      await rm(fileIn(folders.dead, message.id), { force: true });
      await syncDirectory(folders.dead);
      dead.delete(message.id);
    },
  };
}

function fileIn(folder: string, id: string): string {
  return join(folder, `${id}.json`);
}

/** Drops entries that are older than a time, and those beyond the limit (they are in the order of time). */
async function forgetSettled(
  folder: string,
  settled: Map<string, Settled>,
  before: number,
  most: number,
): Promise<void> {
  const drop = async (id: string) => {
    settled.delete(id);
    await rm(fileIn(folder, id), { force: true });
  };
  for (const [id, { at }] of settled) {
    if (at >= before) break;
    await drop(id);
  }
  if (settled.size <= most) return;
  for (const [id] of surplusOf([...settled], ([, { caller }]) => caller)) {
    await drop(id);
    if (settled.size <= most) return;
  }
}

async function loadSettled(folder: string): Promise<Map<string, Settled>> {
  const found: [string, Settled][] = [];
  for (const id of await idsIn(folder)) {
    const settled = parseSettled(await readFile(fileIn(folder, id), 'utf8'));
    if (settled !== undefined) found.push([id, settled]);
  }
  return new Map(found.sort(([, a], [, b]) => a.at - b.at));
}

function parseSettled(text: string): Settled | undefined {
  try {
    const { digest, caller = '', at, reason } = JSON.parse(text) as Partial<Settled>;
    return { digest: String(digest), caller: String(caller), at: Number(at), reason: String(reason) };
  } catch {
    return undefined;
  }
}

/** Waiting messages; a file that is not a message is moved beside the dead letters, for a person to look at. */
async function loadQueue(folder: string, dead: string, ended: ReadonlySet<string>): Promise<Map<string, Message>> {
  const queued = new Map<string, Message>();
  for (const id of await idsIn(folder)) {
    const file = fileIn(folder, id);
    if (ended.has(id)) {
      await rm(file, { force: true });
      continue;
    }
    const message = parseMessage(await readFile(file, 'utf8'));
    if (message?.id === id) queued.set(id, message);
    else await rename(file, join(dead, `${id}.damaged`));
  }
  await syncDirectory(folder);
  return queued;
}

/** The names of whole files; half-written ones are removed. */
async function idsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  for (const name of names.filter((one) => one.endsWith('.new'))) await rm(join(folder, name), { force: true });
  return names.filter((name) => /^[A-Za-z0-9-]{1,64}\.json$/.test(name)).map((name) => name.slice(0, -5));
}
