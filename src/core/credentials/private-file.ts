import { type Stats, statSync } from 'node:fs';
import { Problem } from '../errors.ts';

/** A file that others may read or write, although it has a private key. */
export interface ExposedFile {
  readonly message: string;
  readonly fix: string;
  /** Whether the user of this program owns it, and so can follow the advice. */
  readonly own: boolean;
}

/** Undefined for a file that only its owner may write and only its owner and its group may read. */
export function exposed(file: string): ExposedFile | undefined {
  const found = statOf(file);
  if (found === undefined || !found.isFile() || (found.mode & 0o037) === 0) return undefined;
  const message = `others may read or write ${file} (mode ${(found.mode & 0o777).toString(8)})`;
  return { message, fix: `chmod 600 ${file}`, own: found.uid === process.getuid?.() };
}

/**
 * As ssh does: a person's key that others can copy is not used until its owner has closed it. A file of another user
 * (a secret that a CI system mounts) is used as it is.
 * @throws Problem `exposed-key`
 */
export function requirePrivate(found: ExposedFile | undefined): void {
  if (found?.own === true) throw new Problem('exposed-key', found.message, found.fix);
}

/** At once, without another thread: every command begins with it. */
function statOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    // Reading it reports why.
    return undefined;
  }
}
