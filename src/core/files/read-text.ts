import { errnoOf, explainErrno, Problem } from '../errors.ts';
import { readPromptly } from './at-once.ts';

export type DocumentKind = 'configuration' | 'playbook';

const hints: Readonly<Record<DocumentKind, string>> = {
  configuration: 'name another file with --config',
  playbook: '“mco-deploy playbook list” lists those that are shipped',
};

/** The text of a document. @throws Problem `unreadable-file` */
export async function readText(file: string, what: DocumentKind): Promise<string> {
  try {
    return await readPromptly(file);
  } catch (cause) {
    const hint = errnoOf(cause) === 'ENOENT' ? hints[what] : '';
    throw new Problem('unreadable-file', `the ${what} ${file} cannot be read: ${explainErrno(cause)}`, hint, { cause });
  }
}
