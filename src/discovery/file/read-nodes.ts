import type { Candidate } from '../../core/node.ts';
import { largest, plainEntries } from './plain-list.ts';

/**
 * The nodes of a list in any form: only one that is not plain JSON loads the parser of the others.
 * @throws as parseNodesText
 */
export async function readNodes(text: string, file: string, source: string): Promise<Candidate[]> {
  const plain = text.length > largest ? undefined : plainEntries(text, source);
  return plain ?? (await import('./text.ts')).parseNodesText(text, file, source);
}
