import type { Candidate } from '../../core/node.ts';
import { plainEntries } from './plain-list.ts';

/**
 * The nodes of a list in any form: only one that is not plain JSON loads the parser of the others.
 * @throws as parseNodesText
 */
export async function readNodes(text: string, file: string, source: string): Promise<Candidate[]> {
  return plainEntries(text, source) ?? (await import('./text.ts')).parseOtherText(text, file, source);
}
