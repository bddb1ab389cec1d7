import { explainErrno, Problem } from '../errors.ts';
import { readPromptly } from './at-once.ts';

export type DocumentKind = 'configuration' | 'playbook';

/** The text of a document. @throws Problem `unreadable-file` */
export async function readText(file: string, what: DocumentKind): Promise<string> {
  try {
    return await readPromptly(file);
  } catch (cause) {
    throw new Problem('unreadable-file', `the ${what} ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
