import { isObject } from '../../core/json.ts';
import type { ListEntry } from '../listed.ts';

/** The keys of the list in an earlier command's JSON. */
const listKeys = ['nodes', 'replies', 'outcomes'] as const;
const nameKeys = ['node', 'sender', 'name', 'identity'] as const;

/**
 * The nodes in the JSON of an earlier command: a list (or an object that has one under `nodes`, `replies` or
 * `outcomes`) of objects with a `node`, `sender`, `name` or `identity`, or one such object a line; other keys and
 * repeated nodes are ignored. Undefined for any other text.
 */
export function resultEntries(text: string): ListEntry[] | undefined {
  const value = parseJson(text) ?? parseLines(text);
  const list = Array.isArray(value) ? value : isObject(value) ? listIn(value) : undefined;
  if (list === undefined || !list.every((one) => isObject(one) && nameIn(one) !== undefined)) return undefined;
  const names = new Map(list.map((one, index) => [nameIn(one as Record<string, unknown>), index]));
  return list
    .map((one, index) => ({ value: nodeIn(one as Record<string, unknown>), at: `stdin: node ${index + 1}`, index }))
    .filter(({ value: { name }, index }) => names.get(name) === index);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON Lines: an object a line. */
function parseLines(text: string): unknown[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (!lines[0]?.trimStart().startsWith('{')) return undefined;
  const values = lines.map(parseJson);
  return values.includes(undefined) ? undefined : values;
}

function listIn(value: Record<string, unknown>): unknown[] | undefined {
  const key = listKeys.find((one) => Array.isArray(value[one]));
  return key === undefined ? undefined : (value[key] as unknown[]);
}

function nameIn(value: Record<string, unknown>): string | undefined {
  const key = nameKeys.find((one) => typeof value[one] === 'string');
  return key === undefined ? undefined : (value[key] as string);
}

/** Valid addresses and ports are kept; a result's own field with that name is harmless. */
function nodeIn(value: Record<string, unknown>): { name: string } & Record<string, unknown> {
  const { address, port } = value;
  const dialled = typeof address === 'string' ? { address, ...(typeof port === 'number' ? { port } : {}) } : {};
  return { name: nameIn(value) ?? '', ...dialled };
}
