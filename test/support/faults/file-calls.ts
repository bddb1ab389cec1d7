/**
 * Sees every call of node:fs/promises below a directory, in this process, and lets a test end or fail the work at any of them.
 * Import this before the code under test.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { PathLike } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { createRequire, syncBuiltinESMExports } from 'node:module';

export interface FileCall {
  readonly name: string;
  /** The path, or the path that the handle was opened with. */
  readonly path: string;
  /** Whether the call changes the disk, or makes a change durable. */
  readonly changes: boolean;
  /** The open file, for calls of a handle. */
  readonly handle?: FileHandle;
}

/** Acts around a call: `real` makes it. */
export type OnFileCall = (call: FileCall, args: readonly unknown[], real: () => Promise<unknown>) => Promise<unknown>;

type Functions = Record<string, (...args: unknown[]) => Promise<unknown>>;

const changing = ['writeFile', 'appendFile', 'rename', 'link', 'symlink', 'unlink', 'rm', 'mkdir', 'chmod', 'truncate'];
const reading = ['readFile', 'readdir', 'stat', 'lstat', 'readlink', 'access', 'realpath'];
const onHandle = ['write', 'writev', 'writeFile', 'appendFile', 'sync', 'datasync', 'truncate', 'chmod'];
const readingHandle = ['read', 'readFile', 'stat'];

/** Called before a call that does not wait (`readFileSync`); throws the error with which it fails. */
export type OnSyncCall = (call: FileCall) => void;

/** Called before an open file is closed, which then waits for it. */
export type OnClose = (path: string) => Promise<void>;

interface Watching {
  readonly root: string;
  readonly onCall: OnFileCall;
  readonly onSync: OnSyncCall;
  readonly onClose: OnClose | undefined;
}
let watching: Watching | undefined;
const opened = new Map<FileHandle, string>();
/** The files that were opened while calls were watched. */
const watched = new Set<FileHandle>();

function isBelow(path: string): boolean {
  return watching !== undefined && (path === watching.root || path.startsWith(`${watching.root}/`));
}

/** A work that a test may end: from then on none of its calls of the file system, now or later, returns. */
export interface Life {
  isOver: boolean;
}

const lives = new AsyncLocalStorage<Life>();
const never = new Promise<never>(() => {});

/** Runs a work, with its timers and all that goes on beside it, as a part of a life. */
export function live<T>(life: Life, work: () => T): T {
  return lives.run(life, work);
}

function around(call: FileCall, args: readonly unknown[], real: () => Promise<unknown>): Promise<unknown> {
  const life = lives.getStore();
  if (life?.isOver === true) return never;
  if (life === undefined) return called(call, args, real);
  return called(call, args, real).finally(() => (life.isOver ? never : undefined));
}

function called(call: FileCall, args: readonly unknown[], real: () => Promise<unknown>): Promise<unknown> {
  return watching !== undefined && isBelow(call.path) ? watching.onCall(call, args, real) : real();
}

const files = createRequire(import.meta.url)('node:fs/promises') as Functions;
for (const name of [...changing, ...reading]) {
  const real = files[name] as (...args: unknown[]) => Promise<unknown>;
  files[name] = (...args) => {
    const path = String(name === 'rename' || name === 'link' || name === 'symlink' ? args[1] : args[0]);
    return around({ name, path, changes: changing.includes(name) }, args, () => real(...args));
  };
}

const realOpen = files.open as (path: PathLike, flags?: string | number, mode?: number) => Promise<FileHandle>;
files.open = async (...args) => {
  const path = String(args[0]);
  const changes = args[1] !== undefined && args[1] !== 'r';
  const open = () => realOpen(path, args[1] as string, args[2] as number);
  const handle = (await around({ name: 'open', path, changes }, args, open)) as FileHandle;
  opened.set(handle, path);
  if (isBelow(path)) watched.add(handle);
  // Each handle has its own method, which the prototype does not show.
  const close = handle.close;
  handle.close = async () => {
    if (lives.getStore()?.isOver === true) return never;
    if (opened.delete(handle) && isBelow(path)) await watching?.onClose?.(path);
    watched.delete(handle);
    return close();
  };
  return handle;
};

const probe = await realOpen('/dev/null', 'r');
const prototype = Object.getPrototypeOf(probe) as Functions;
await probe.close();
for (const name of [...onHandle, ...readingHandle]) {
  const real = prototype[name] as (...args: unknown[]) => Promise<unknown>;
  prototype[name] = function (this: FileHandle, ...args: unknown[]) {
    const path = opened.get(this);
    const call = () => real.apply(this, args);
    if (path === undefined) return call();
    return around({ name, path, changes: onHandle.includes(name), handle: this }, args, call);
  };
}

const syncFiles = createRequire(import.meta.url)('node:fs') as Record<string, (...args: unknown[]) => unknown>;
for (const name of ['readFileSync', 'openSync', 'renameSync', 'rmSync', 'readdirSync'] as const) {
  const real = syncFiles[name] as (...args: unknown[]) => unknown;
  syncFiles[name] = (...args) => {
    const path = String(name === 'renameSync' ? args[1] : args[0]);
    if (watching !== undefined && isBelow(path)) watching.onSync({ name, path, changes: !name.startsWith('read') });
    return real(...args);
  };
}
syncBuiltinESMExports();

/**
 * Calls `onCall` for each call below `root` until the result is disposed of. One watch at a time.
 * @param onSync for the calls that do not wait; they pass if it is omitted
 * @param onClose for the ends of open files; they pass if it is omitted
 */
export function watchFileCalls(
  root: string,
  onCall: OnFileCall,
  onSync: OnSyncCall = () => {},
  onClose?: OnClose,
): Disposable {
  if (watching !== undefined) throw new Error('file calls are watched already');
  watching = { root, onCall, onSync, onClose };
  return {
    [Symbol.dispose]: () => {
      watching = undefined;
    },
  };
}

/** Closes what a work that was cut off had open, as its end as a process would. */
export async function closeAbandoned(): Promise<void> {
  for (const handle of [...watched]) await handle.close();
  watched.clear();
}
