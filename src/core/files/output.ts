import { open, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { errnoOf, explainErrno, Problem } from '../errors.ts';
import { replaceFile } from './durable.ts';

/** Permission bits as the user wants them for new files. */
const usualMode = () => 0o666 & ~process.umask();

/**
 * Writes a file that a command was asked for, in place of an older one: on a full disk the older one stays. A device or a pipe
 * is written to as it is.
 * @throws Problem `unwritable-file`
 */
export async function writeOutput(file: string, text: string, mode = usualMode()): Promise<void> {
  try {
    const target = await realpath(file).catch(() => file);
    const isFile = await stat(target).then(
      (found) => found.isFile(),
      () => true,
    );
    if (isFile) await replaceFile(target, text, { mode, shared: true });
    else await writeFile(target, text);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/**
 * The same, where there is no file yet: what cannot be written whole is removed, so that the command can be repeated.
 * @throws Problem `file-exists`, `unwritable-file`
 */
export async function writeNewOutput(file: string, text: string, mode = usualMode()): Promise<void> {
  const handle = await open(file, 'wx', mode).catch((cause) => {
    if (errnoOf(cause) !== 'EEXIST') throw unwritable(file, cause);
    throw new Problem('file-exists', `${file} exists already`, 'move it away first', { cause });
  });
  try {
    await handle.writeFile(text).finally(() => handle.close());
  } catch (cause) {
    await rm(file, { force: true }).catch(() => {});
    throw unwritable(file, cause);
  }
}

function unwritable(file: string, cause: unknown): Problem {
  return new Problem('unwritable-file', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
}
