/** Ends a work at any of its calls of the file system, as a kill or a power cut would, without a process of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeSync } from 'node:fs';
import { closeAbandoned, type OnFileCall, watchFileCalls } from './file-calls.ts';
import { snapshotDisk } from './power-cut.ts';

/**
 * `kill`: before the call. `half`: a call that writes has written half of it. `power`: as `kill`, and only what was synced is
 * on the disk. `power-names`: as `power`, but all changes of names are there: files that were not synced are empty.
 */
export type CrashKind = 'kill' | 'half' | 'power' | 'power-names';

export const crashKinds: readonly CrashKind[] = ['kill', 'half', 'power', 'power-names'];

const never = new Promise<never>(() => {});

/** How many calls a work makes that change the disk. */
export async function countChanges(root: string, work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  using _watch = watchFileCalls(root, (call, _args, real) => {
    if (call.changes) count++;
    return real();
  });
  await work();
  return count;
}

/**
 * Runs a work until its call of a number (from 0) that changes the disk, and no further: nothing after that call runs, not
 * even a `finally`. It runs under the number of a process that has ended, so that what it locked can be seen to be abandoned.
 */
export async function crashAt(root: string, at: number, kind: CrashKind, work: () => Promise<unknown>): Promise<void> {
  const disk = snapshotDisk(root);
  let seen = 0;
  let die = () => {};
  const dead = new Promise<void>((resolve) => {
    die = resolve;
  });
  let isDead = false;
  const onCall: OnFileCall = async (call, args, real) => {
    if (isDead) return never;
    if (!call.changes || seen++ !== at) return disk.follow(call, args, real);
    isDead = true;
    if (kind === 'half') writeHalf(call.name, args, call.handle);
    die();
    return never;
  };
  await underDeadProcess(async () => {
    using _watch = watchFileCalls(root, onCall);
    const outcome = await Promise.race([dead.then(() => 'died'), work().then(() => 'ended')]);
    assert.equal(outcome, 'died', `the work has no call ${at}`);
  });
  await closeAbandoned();
  if (kind === 'power' || kind === 'power-names') disk.cutPower(kind === 'power-names');
}

function writeHalf(name: string, args: readonly unknown[], handle: unknown): void {
  const writes = ['write', 'writeFile', 'appendFile'].includes(name);
  if (!writes || handle === undefined) return;
  const bytes = Buffer.from(args[0] as string | Uint8Array);
  writeSync((handle as { fd: number }).fd, bytes.subarray(0, Math.floor(bytes.length / 2)));
}

async function underDeadProcess(work: () => Promise<void>): Promise<void> {
  const real = process.pid;
  Object.defineProperty(process, 'pid', { value: deadPid(), configurable: true });
  try {
    await work();
  } finally {
    Object.defineProperty(process, 'pid', { value: real, configurable: true });
  }
}

let dead: number | undefined;
function deadPid(): number {
  dead ??= spawnSync('true').pid;
  return dead;
}
