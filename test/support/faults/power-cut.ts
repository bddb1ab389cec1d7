/** What of a directory would outlive a power cut: contents of files as of their last sync, names as of their directory's. */
import {
  chmodSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { FileCall } from './file-calls.ts';

interface Disk {
  /** Makes a call and keeps what it makes durable. */
  readonly follow: (call: FileCall, args: readonly unknown[], real: () => Promise<unknown>) => Promise<unknown>;
  /** Leaves what a power cut would. @param names true: all names as they are; else only those that were synced */
  readonly cutPower: (names: boolean) => void;
}

type Names = ReadonlyMap<string, number>;

/** All that is there at first counts as durable. */
export function snapshotDisk(root: string): Disk {
  const contents = new Map<number, Buffer>();
  const directories = new Map<string, Names>();
  const keepDirectory = (path: string) => void directories.set(path, namesIn(path));
  const keepFile = (path: string) => contents.set(lstatSync(path).ino, readFileSync(path));
  for (const path of everyPath(root)) {
    if (lstatSync(path).isDirectory()) keepDirectory(path);
    else if (lstatSync(path).isFile()) keepFile(path);
  }
  return {
    follow: async (call, args, real) => {
      const fresh = call.name === 'open' && call.changes && !existsSync(call.path);
      const result = await real();
      // The number of a file that is gone may have been given to this one.
      if (fresh) contents.delete(lstatSync(call.path).ino);
      if (call.name === 'writeFile' && call.handle === undefined) contents.delete(lstatSync(String(args[0])).ino);
      const synced = call.name === 'sync' || call.name === 'datasync';
      if (synced && call.handle !== undefined) keepOpen(call.handle.fd, keepDirectory, contents);
      return result;
    },
    cutPower: (names) => {
      const modes = new Map(everyPath(root).map((path) => [lstatSync(path).ino, lstatSync(path).mode]));
      const now = new Map<string, Names>();
      for (const path of everyPath(root)) if (lstatSync(path).isDirectory()) now.set(path, namesIn(path));
      const isDirectory = new Map(everyPath(root).map((path) => [path, lstatSync(path).isDirectory()]));
      const listing = names ? now : directories;
      const rebuild = (directory: string) => {
        for (const [name, inode] of listing.get(directory) ?? []) {
          const path = join(directory, name);
          if (isDirectory.get(path) === true || directories.has(path)) {
            mkdirSync(path);
            rebuild(path);
          } else writeFileSync(path, contents.get(inode) ?? '');
          chmodSync(path, (modes.get(inode) ?? 0o600) & 0o777);
        }
      };
      for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
      rebuild(root);
    },
  };
}

function keepOpen(fd: number, keepDirectory: (path: string) => void, contents: Map<number, Buffer>): void {
  const link = `/proc/self/fd/${fd}`;
  const about = fstatSync(fd);
  if (about.isDirectory()) keepDirectory(readlinkSync(link));
  else contents.set(about.ino, readFileSync(link));
}

function namesIn(directory: string): Names {
  return new Map(readdirSync(directory).map((name) => [name, lstatSync(join(directory, name)).ino]));
}

/** The directory itself, then all below it. */
function everyPath(root: string): string[] {
  return [root, ...readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name))];
}
