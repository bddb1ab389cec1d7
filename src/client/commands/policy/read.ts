import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../../core/errors.ts';
import { decodeText } from '../../../core/files/decode.ts';
import { readInput } from '../../../core/files/read-input.ts';
import { type Groups, parseGroups } from '../../../core/policy/parse.ts';

/**
 * A policy's text, or undefined when there is no such file. A link that leads nowhere does not count as a missing file.
 * @throws Problem `unreadable-file`
 */
export async function readPolicyFile(file: string): Promise<string | undefined> {
  try {
    return decodeText(await readInput(file));
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT' && !(await isLink(file))) return undefined;
    throw new Problem('unreadable-file', `the policy ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

/** A link that leads nowhere: the daemon refuses it, like a file that it cannot read. */
async function isLink(file: string): Promise<boolean> {
  return await lstat(file).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
}

/** No groups if there is no file. @throws Problem `bad-policy`, `unreadable-file` */
export async function readGroups(file: string): Promise<Groups> {
  return parseGroups((await readPolicyFile(file)) ?? '', file);
}

export function isPolicy(file: string): boolean {
  return file.endsWith('.policy');
}

/** The paths of the files in a directory of policies, by name. @throws Problem `unreadable-file` */
export async function listFiles(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.sort().map((name) => join(directory, name));
  } catch (cause) {
    const message = `the policies in ${directory} cannot be read: ${explainErrno(cause)}`;
    throw new Problem('unreadable-file', message, 'name a file or a directory', { cause });
  }
}
