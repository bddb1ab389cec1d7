import { Problem } from '../../../core/errors.ts';
import type { TarHeader } from './tar/header.ts';

/** The plan for an entry: paths are relative to the release, without `.` and `..`. */
export type PlannedEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number }
  | { readonly kind: 'hardlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'nothing' };

const kinds: Readonly<Record<string, string>> = {
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a named pipe',
  D: 'a directory of an incremental GNU backup',
  M: 'the rest of a file of a multi-volume GNU archive',
  S: 'a sparse file in a form of star',
};

const deepestLinks = 40;
const rebuild = 'build the archive again, all at once: tar -C DIRECTORY -czf …tar.gz .';

/** @param remedy how to build the archive so that it is accepted */
function refuse(path: string, why: string, remedy: string): Problem {
  const shown = JSON.stringify(path.slice(0, 200));
  return new Problem('unsafe-archive', `the archive is refused: ${shown} ${why}`, remedy);
}

/** The parts of a path inside the release; none for the release itself. */
function partsOf(path: string, shown = path): string[] {
  const relative = 'build the archive in its directory: tar -C DIRECTORY -czf …tar.gz .';
  if (/[\u0000-\u001f\u007f]/.test(path)) throw refuse(shown, 'has a control character in its name', 'rename the file');
  if (path.startsWith('/')) throw refuse(shown, 'is an absolute path', relative);
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse(shown, 'has “..” in its path', relative);
  if (parts.some((part) => Buffer.byteLength(part) > 255) || Buffer.byteLength(path) > 2048) {
    throw refuse(shown, 'has too long a name (at most 255 bytes for one name, 2048 for a path)', 'shorten it');
  }
  return parts;
}

/** The limits of a release. */
export interface TreeBounds {
  readonly maxEntries: number;
  /** Absolute paths of the node that symbolic links may lead to, or below. */
  readonly outsideLinks: readonly string[];
}

/**
 * The release as its archive's entries build it, before anything is on the disk. Symbolic links are made last, when
 * every one is known to stay inside, so that nothing can be written through one.
 */
export class ReleaseTree {
  readonly #entries = new Map<string, 'directory' | 'file' | 'symlink'>();
  readonly #links = new Map<string, string>();
  readonly #bounds: TreeBounds;
  #count = 0;

  constructor(bounds: TreeBounds) {
    this.#bounds = bounds;
  }

  /** @throws Problem `unsafe-archive`, `archive-too-large` */
  add(header: TarHeader): PlannedEntry {
    this.#count += 1;
    if (this.#count > this.#bounds.maxEntries) {
      throw new Problem(
        'archive-too-large',
        `the archive has more than ${this.#bounds.maxEntries} entries: ${JSON.stringify(header.path.slice(0, 200))} is one too many`,
        'leave out what the release does not need, or raise “max_entries” of the application in node.yaml',
      );
    }
    const parts = partsOf(header.path);
    const path = parts.join('/');
    const isFile = header.type === '0' || header.type === '7';
    if (!isFile && header.size !== 0) throw refuse(header.path, 'has content but is not a file', rebuild);
    if (header.type === '5' || (isFile && header.path.endsWith('/'))) return this.#directory(parts, path, header);
    if (path === '') throw refuse(header.path, 'is the release itself, but not a directory', rebuild);
    this.#enter(parts, header.path);
    if (isFile) return this.#file(path, header);
    if (header.type === '1') return this.#hardlink(path, header);
    if (header.type === '2') return this.#symlink(path, header);
    const what = kinds[header.type] ?? `of the unknown type ${JSON.stringify(header.type)}`;
    throw refuse(
      header.path,
      `is ${what}`,
      `leave it out: tar --exclude=${JSON.stringify(header.path.slice(0, 200))} …`,
    );
  }

  /** The links, after each was followed to its end. @throws Problem `unsafe-archive` */
  links(): ReadonlyMap<string, string> {
    for (const [path, target] of this.#links) this.#follow(path, target);
    return this.#links;
  }

  #directory(parts: readonly string[], path: string, { mode, size }: TarHeader): PlannedEntry {
    if (size !== 0) throw refuse(path, 'is a directory with content', rebuild);
    if (path === '') return { kind: 'nothing' };
    if (this.#entries.get(path) === 'directory') return { kind: 'nothing' };
    this.#enter(parts, path);
    this.#entries.set(path, 'directory');
    return { kind: 'directory', path, mode: (mode & 0o755) | 0o700 };
  }

  #file(path: string, { mode }: TarHeader): PlannedEntry {
    if ((mode & 0o6000) !== 0) throw refuse(path, 'has the setuid or setgid bit', 'remove it: chmod u-s,g-s');
    this.#entries.set(path, 'file');
    return { kind: 'file', path, mode: (mode & 0o755) | 0o400 };
  }

  #hardlink(path: string, header: TarHeader): PlannedEntry {
    const target = partsOf(header.target, header.path).join('/');
    if (this.#entries.get(target) !== 'file') {
      const what = `is a hard link to ${JSON.stringify(header.target.slice(0, 200))}, which is not a file before it in the archive`;
      throw refuse(header.path, what, 'build the archive with copies in place of hard links: tar --hard-dereference …');
    }
    this.#entries.set(path, 'file');
    return { kind: 'hardlink', path, target };
  }

  #symlink(path: string, { target }: TarHeader): PlannedEntry {
    if (target === '') throw refuse(path, 'is a link without a target', rebuild);
    if (/[\u0000-\u001f\u007f]/.test(target) || Buffer.byteLength(target) > 2048) {
      throw refuse(
        path,
        'is a link to a name with control characters, or of more than 2048 bytes',
        'rename its target',
      );
    }
    this.#entries.set(path, 'symlink');
    this.#links.set(path, target);
    return { kind: 'symlink', path, target };
  }

  /**
   * Refuses a second entry with a name and one below something that is not a directory; records the directories in
   * between.
   */
  #enter(parts: readonly string[], shown: string): void {
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      const kind = this.#entries.get(parent);
      if (kind !== undefined && kind !== 'directory')
        throw refuse(shown, `is below ${JSON.stringify(parent)}, which is not a directory`, rebuild);
      this.#entries.set(parent, 'directory');
    }
    if (this.#entries.has(parts.join('/'))) throw refuse(shown, 'is in the archive twice', rebuild);
  }

  /**
   * Follows a link as the kernel would (path_resolution(7)), through other links too; it may dangle, but not leave,
   * except to allowed paths. The files there are not checked: they may change at any time.
   */
  #follow(path: string, target: string): void {
    const at = path.split('/').slice(0, -1);
    const todo = target.split('/');
    let outside = target.startsWith('/');
    if (outside) at.length = 0;
    let followed = 0;
    while (todo.length > 0) {
      const part = todo.shift();
      if (part === undefined || part === '' || part === '.') continue;
      if (part === '..') {
        if (at.pop() === undefined && !outside) throw leaves(path, target, '..');
        continue;
      }
      at.push(part);
      const next = outside ? undefined : this.#links.get(at.join('/'));
      if (next === undefined) continue;
      followed += 1;
      if (followed > deepestLinks) throw refuse(path, 'is a link that leads back to itself', 'remove it');
      at.pop();
      todo.unshift(...next.split('/'));
      if (!next.startsWith('/')) continue;
      outside = true;
      at.length = 0;
    }
    if (outside && !this.#mayLeadTo(`/${at.join('/')}`)) throw leaves(path, target, `/${at.join('/')}`);
  }

  #mayLeadTo(place: string): boolean {
    return this.#bounds.outsideLinks.some((allowed) => {
      const root = allowed.replace(/\/+$/, '');
      return place === root || place.startsWith(`${root}/`);
    });
  }
}

function leaves(path: string, target: string, place: string): Problem {
  const shown = JSON.stringify(target.slice(0, 200));
  const remedy = place.startsWith('/')
    ? `make it relative, or allow it: “outside_links: [${JSON.stringify(place.slice(0, 200))}]” for the application in node.yaml`
    : 'make it a link to a path inside the release';
  return refuse(path, `is a link out of the release, to ${shown}`, remedy);
}
