import { errnoOf, explainErrno, Problem } from '../errors.ts';
import { decodeText } from './decode.ts';
import { readInput } from './read-input.ts';

export type DocumentKind = 'configuration' | 'playbook';

const hints: Readonly<Record<DocumentKind, string>> = {
  configuration: 'name another file with --config',
  playbook: '“mco-deploy playbook list” lists those that are shipped',
};

/** The text of a document. @throws Problem `unreadable-file` */
export async function readText(file: string, what: DocumentKind): Promise<string> {
  try {
    return decodeText(await readInput(file));
  } catch (cause) {
    const hint = errnoOf(cause) === 'ENOENT' ? (homeHint(file) ?? hints[what]) : '';
    throw new Problem('unreadable-file', `the ${what} ${file} cannot be read: ${explainErrno(cause)}`, hint, { cause });
  }
}

/** A shell replaces `~` only at the beginning of a word: not in `--config=~/client.yaml`, nor in quotes. */
function homeHint(file: string): string | undefined {
  return /(^|\/)~/.test(file) ? 'the shell did not replace “~”: write "$HOME" instead' : undefined;
}
