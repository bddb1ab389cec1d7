/** The part of a directory that survives a power cut: contents as of each file's last sync, names as of the directory's. */
import {
  chmodSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileCall } from './file-calls.ts';

interface Disk {
  /** Makes a call and keeps what it makes durable. */
  readonly follow: (call: FileCall, args: readonly unknown[], real: () => Promise<unknown>) => Promise<unknown>;
  /** Leaves what a power cut would. @param names true: all names as they are; else only those that were synced */
  readonly cutPower: (names: boolean) => void;
}

/** By the number of the inode, as a rename moves names and not files: what a directory names. */
type Names = ReadonlyMap<string, number>;

interface Inode {
  readonly mode: number;
  readonly isDirectory: boolean;
  /** The target of a symbolic link: it has no content that could be lost. */
  readonly target: string | undefined;
}

/** All that is there at first counts as durable. */
export function snapshotDisk(root: string): Disk {
  const inodes = new Map<number, Inode>();
  const contents = new Map<number, Buffer>();
  const directories = new Map<number, Names>();
  /** Takes down what stands at a path; a number that was another file's before is begun again. */
  const note = (path: string, isNew: boolean) => {
    const stats = statOf(path);
    if (stats === undefined) return;
    if (isNew) contents.delete(stats.ino);
    if (isNew) directories.delete(stats.ino);
    const target = stats.isSymbolicLink() ? readlinkSync(path) : undefined;
    inodes.set(stats.ino, { mode: stats.mode & 0o777, isDirectory: stats.isDirectory(), target });
  };
  const noteAll = () => {
    for (const path of everyPath(root)) note(path, false);
  };
  const keep = (stats: Stats, path: string) => {
    if (stats.isDirectory()) directories.set(stats.ino, namesIn(path));
    else if (stats.isFile()) contents.set(stats.ino, readFileSync(path));
  };
  noteAll();
  for (const path of everyPath(root)) keep(lstatSync(path), path);
  return {
    follow: async (call, _args, real) => {
      const makes = call.changes && call.handle === undefined && call.name !== 'rename' && call.name !== 'link';
      const missing = makes ? missingOf(root, call.path) : [];
      const result = await real();
      for (const path of missing) note(path, true);
      if (call.handle === undefined) note(call.path, call.name === 'writeFile');
      const synced = call.name === 'sync' || call.name === 'datasync';
      if (synced && call.handle !== undefined) {
        const link = `/proc/self/fd/${call.handle.fd}`;
        const stats = fstatSync(call.handle.fd);
        keep(stats, stats.isDirectory() ? readlinkSync(link) : link);
      }
      return result;
    },
    cutPower: (names) => {
      noteAll();
      const now = new Map(
        everyPath(root)
          .filter((path) => lstatSync(path).isDirectory())
          .map((path) => [lstatSync(path).ino, namesIn(path)]),
      );
      const listing = names ? now : directories;
      const rebuild = (inode: number, directory: string) => {
        for (const [name, number] of listing.get(inode) ?? []) {
          const path = join(directory, name);
          const known = inodes.get(number);
          if (known?.target !== undefined) {
            symlinkSync(known.target, path);
            continue;
          }
          if (known?.isDirectory === true) {
            mkdirSync(path);
            rebuild(number, path);
          } else writeFileSync(path, contents.get(number) ?? '');
          chmodSync(path, known?.mode ?? 0o600);
        }
      };
      const { ino } = lstatSync(root);
      for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
      rebuild(ino, root);
    },
  };
}

function statOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The path and those above it that are not there yet. */
function missingOf(root: string, path: string): string[] {
  const missing: string[] = [];
  for (let at = path; at.startsWith(root) && statOf(at) === undefined; at = dirname(at)) missing.push(at);
  return missing;
}

function namesIn(directory: string): Names {
  return new Map(readdirSync(directory).map((name) => [name, lstatSync(join(directory, name)).ino]));
}

/** The directory itself, then all below it. */
function everyPath(root: string): string[] {
  return [root, ...readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name))];
}
