/** Ends a work at any of its calls of the file system, as a kill or a power cut would, without another process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { closeAbandoned, type Life, live, type OnFileCall, watchFileCalls } from './file-calls.ts';
import { oneOf } from '../points.ts';
import { snapshotDisk } from './power-cut.ts';

/**
 * `kill`: before the call. `half`: a call that writes has written half of it. `power`: as `kill`, and only what was synced is
 * on the disk. `power-names`: as `power`, but all changes of names are there: files that were not synced are empty.
 */
export type CrashKind = 'kill' | 'half' | 'power' | 'power-names';

export const crashKinds: readonly CrashKind[] = ['kill', 'half', 'power', 'power-names'];

const never = new Promise<never>(() => {});

export interface Crashes {
  /** Calls of the file system below it count. */
  readonly root: string;
  readonly kinds?: readonly CrashKind[];
  /** Runs before each: puts everything back to where it was. */
  readonly prepare: () => void | Promise<void>;
  readonly work: () => Promise<unknown>;
  /** @param done whether the work had come to its end */
  readonly check: (where: string, done: boolean) => void | Promise<void>;
  /** The minimum number of changes of the work: with fewer, this would show nothing. */
  readonly least: number;
}

/**
 * Cuts a work off at its changes of the disk, in each way, and once right after its end: at each change, or at some of them,
 * which are others for each way.
 */
export async function crashAtEachChange({
  root,
  kinds = crashKinds,
  prepare,
  work,
  check,
  least,
}: Crashes): Promise<void> {
  for (const [way, kind] of kinds.entries()) {
    let changes = 0;
    let at = way % oneOf;
    for (let done = false; !done; at += oneOf) {
      await prepare();
      const crash = await crashAt(root, at, kind, work);
      changes = crash.changes;
      done = !crash.died;
      await check(done ? `${kind} at the end` : `${kind} at ${at}`, done);
    }
    assert.ok(changes >= least, `the work made ${changes} changes`);
  }
}

/**
 * Runs a work until its call of a number (from 0) that changes the disk, and no further: nothing after that call runs, not
 * even a `finally`. It runs under the number of a process that has ended, so that what it locked can be seen to be abandoned.
 * @returns whether that came before its end, and how many changes there were
 */
async function crashAt(root: string, at: number, kind: CrashKind, work: () => Promise<unknown>) {
  const disk = snapshotDisk(root);
  let seen = 0;
  let die = () => {};
  const dead = new Promise<void>((resolve) => {
    die = resolve;
  });
  const life: Life = { isOver: false };
  const underWay = new Set<Promise<unknown>>();
  const onCall: OnFileCall = async (call, args, real) => {
    if (!call.changes || seen++ !== at) {
      const made = disk.follow(call, args, real);
      underWay.add(made);
      return made.finally(() => underWay.delete(made));
    }
    life.isOver = true;
    if (kind === 'half') writeHalf(call.name, args, call.handle);
    die();
    return never;
  };
  const died = await underDeadProcess(async () => {
    using _watch = watchFileCalls(root, onCall);
    return await Promise.race([dead.then(() => true), live(life, work).then(() => false)]);
  });
  // Calls beside that one have reached the kernel: they complete before the end, and nothing sees their results.
  await Promise.allSettled(underWay);
  await closeAbandoned();
  if (kind === 'power' || kind === 'power-names') disk.cutPower(kind === 'power-names');
  return { died, changes: seen };
}

function writeHalf(name: string, args: readonly unknown[], handle: unknown): void {
  const writes = ['write', 'writeFile', 'appendFile'].includes(name);
  if (!writes || handle === undefined) return;
  const bytes = Buffer.from(args[0] as string | Uint8Array);
  writeSync((handle as { fd: number }).fd, bytes.subarray(0, Math.floor(bytes.length / 2)));
}

async function underDeadProcess<T>(work: () => Promise<T>): Promise<T> {
  const real = process.pid;
  Object.defineProperty(process, 'pid', { value: deadPid(), configurable: true });
  try {
    return await work();
  } finally {
    Object.defineProperty(process, 'pid', { value: real, configurable: true });
  }
}

let dead: number | undefined;
function deadPid(): number {
  dead ??= spawnSync('true').pid;
  return dead;
}
