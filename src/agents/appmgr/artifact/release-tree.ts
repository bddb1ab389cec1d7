import { Problem } from '../../../core/errors.ts';
import type { TarHeader } from './tar-header.ts';

/** What may become of an entry: paths are relative to the release, without `.` and `..`. */
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
};

const deepestLinks = 40;

function refuse(path: string, why: string): Problem {
  const shown = JSON.stringify(path.slice(0, 200));
  return new Problem('unsafe-archive', `the archive is refused: ${shown} ${why}`, 'nothing was changed');
}

/** The parts of a path inside the release; none for the release itself. */
function partsOf(path: string, shown = path): string[] {
  if (/[\u0000-\u001f\u007f]/.test(path)) throw refuse(shown, 'has a control character in its name');
  if (path.startsWith('/')) throw refuse(shown, 'is an absolute path');
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw refuse(shown, 'climbs out with “..”');
  if (parts.some((part) => Buffer.byteLength(part) > 255) || Buffer.byteLength(path) > 2048) {
    throw refuse(shown, 'has too long a name');
  }
  return parts;
}

/**
 * The release as its archive's entries build it, before anything is on the disk. Symbolic links are only noted: they
 * are made last, when every one is known to stay inside, so that nothing can be written through one.
 */
export class ReleaseTree {
  readonly #entries = new Map<string, 'directory' | 'file' | 'symlink'>();
  readonly #links = new Map<string, string>();
  readonly #maxEntries: number;
  #count = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** @throws Problem `unsafe-archive`, `archive-too-large` */
  add(header: TarHeader): PlannedEntry {
    this.#count += 1;
    if (this.#count > this.#maxEntries) {
      throw new Problem('archive-too-large', `the archive has more than ${this.#maxEntries} entries`);
    }
    const parts = partsOf(header.path);
    const path = parts.join('/');
    const isFile = header.type === '0' || header.type === '7';
    if (!isFile && header.size !== 0) throw refuse(header.path, 'has content but is no file');
    if (header.type === '5' || (isFile && header.path.endsWith('/'))) return this.#directory(parts, path, header);
    if (path === '') throw refuse(header.path, 'is no directory but names the release itself');
    this.#enter(parts, header.path);
    if (isFile) return this.#file(path, header);
    if (header.type === '1') return this.#hardlink(path, header);
    if (header.type === '2') return this.#symlink(path, header);
    throw refuse(header.path, `is ${kinds[header.type] ?? `of the unknown type ${JSON.stringify(header.type)}`}`);
  }

  /** The links, after each was followed to its end. @throws Problem `unsafe-archive` */
  links(): ReadonlyMap<string, string> {
    for (const [path, target] of this.#links) this.#follow(path, target);
    return this.#links;
  }

  #directory(parts: readonly string[], path: string, { mode, size }: TarHeader): PlannedEntry {
    if (size !== 0) throw refuse(path, 'has content but is no file');
    if (path === '') return { kind: 'nothing' };
    if (this.#entries.get(path) === 'directory') return { kind: 'nothing' };
    this.#enter(parts, path);
    this.#entries.set(path, 'directory');
    return { kind: 'directory', path, mode: (mode & 0o755) | 0o700 };
  }

  #file(path: string, { mode }: TarHeader): PlannedEntry {
    if ((mode & 0o6000) !== 0) throw refuse(path, 'has the setuid or setgid bit');
    this.#entries.set(path, 'file');
    return { kind: 'file', path, mode: (mode & 0o755) | 0o400 };
  }

  #hardlink(path: string, header: TarHeader): PlannedEntry {
    const target = partsOf(header.target, header.path).join('/');
    if (this.#entries.get(target) !== 'file') throw refuse(header.path, 'links to what is no file of the release');
    this.#entries.set(path, 'file');
    return { kind: 'hardlink', path, target };
  }

  #symlink(path: string, { target }: TarHeader): PlannedEntry {
    if (target === '' || target.startsWith('/')) throw refuse(path, 'links to an absolute path');
    if (/[\u0000-\u001f\u007f]/.test(target) || Buffer.byteLength(target) > 2048) {
      throw refuse(path, 'links to a name that is not allowed');
    }
    this.#entries.set(path, 'symlink');
    this.#links.set(path, target);
    return { kind: 'symlink', path, target };
  }

  /** Refuses a second entry of a name and one below something that is no directory; notes the directories in between. */
  #enter(parts: readonly string[], shown: string): void {
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/');
      const kind = this.#entries.get(parent);
      if (kind !== undefined && kind !== 'directory') throw refuse(shown, 'lies below what is no directory');
      this.#entries.set(parent, 'directory');
    }
    if (this.#entries.has(parts.join('/'))) throw refuse(shown, 'is there twice');
  }

  /** Walks a link as the kernel would (path_resolution(7)), through other links too; it may dangle, but not leave. */
  #follow(path: string, target: string): void {
    const at = path.split('/').slice(0, -1);
    const todo = target.split('/');
    let followed = 0;
    while (todo.length > 0) {
      const part = todo.shift();
      if (part === undefined || part === '' || part === '.') continue;
      if (part === '..') {
        if (at.pop() === undefined) throw refuse(path, `links out of the release, to ${JSON.stringify(target)}`);
        continue;
      }
      at.push(part);
      const next = this.#links.get(at.join('/'));
      if (next === undefined) continue;
      followed += 1;
      if (followed > deepestLinks) throw refuse(path, 'is a link without an end');
      at.pop();
      todo.unshift(...next.split('/'));
    }
  }
}
