import { Problem } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { Candidate } from '../../core/node.ts';
import { parseEntries } from '../listed.ts';

/** Characters of a list. */
export const largest = 16 * 1024 * 1024;

/**
 * The nodes of a plain list without a fault: only the whole document has the position of a fault.
 * @returns undefined for any other text, and for one that is too long
 */
export function plainEntries(text: string, source: string): Candidate[] | undefined {
  const list = text.length > largest ? undefined : plainList(text);
  if (list === undefined) return undefined;
  try {
    return parseEntries(
      list.map((value) => ({ value, at: '' })),
      source,
    );
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/**
 * The list in a text that is JSON: a list, or an object with `nodes` alone. A document of YAML keeps the position of
 * everything in it, which takes 40 KiB and 0.1 ms for each node.
 * @returns undefined for any other text, and where YAML may read it differently, or find a fault (a key that occurs twice)
 */
function plainList(text: string): unknown[] | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  const root = parsed(text);
  // A key that occurs twice is missing, and a number or an escape in another form is written differently.
  if (root === undefined || withoutSpaces(JSON.stringify(root)) !== withoutSpaces(text)) return undefined;
  const list = isObject(root) && Object.keys(root).length === 1 ? root.nodes : root;
  return Array.isArray(list) ? list : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withoutSpaces(text: string): string {
  return text.replaceAll(/\s+/g, '');
}
