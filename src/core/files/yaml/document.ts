import {
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type Document as YamlDocument,
} from 'yaml';
import { validatorOf } from '#validators';
import { type Fault, faultsOf, formatPath } from '../../ddl/schema.ts';
import { Problem } from '../../errors.ts';
import { type DocumentKind, readText } from '../read-text.ts';
import { faultOfYaml } from './yaml-fault.ts';

/** A YAML (or JSON) text that matches a schema, with the position of each value. */
export interface Document<T> {
  readonly file: string;
  readonly value: T;
  /** `file:line:column` of the value at a path (or of its key), or of the nearest parent that exists. */
  readonly locate: (path: readonly string[], key?: boolean) => string;
}

const largest = 1024 * 1024;

const codes = { configuration: 'bad-configuration', playbook: 'bad-playbook' } as const;

/**
 * Reads and checks a document.
 * @param what its name in a message: “configuration”, “playbook”
 * @throws Problem `unreadable-file`, or as {@link parseDocumentText}
 */
export async function readDocument<T>(
  file: string,
  what: DocumentKind,
  id: string,
  schema: object,
): Promise<Document<T>> {
  return parseDocumentText<T>(await readText(file, what), file, what, id, schema);
}

/**
 * @throws Problem `bad-configuration` or `bad-playbook` with file, line, column and what was expected.
 * Duplicate keys, alias bombs, tags that make code, and keys the schema does not know are all refused.
 */
export function parseDocumentText<T>(
  text: string,
  file: string,
  what: DocumentKind,
  id: string,
  schema: object,
): Document<T> {
  const code = codes[what];
  if (text.length > largest) throw new Problem(code, `${file}: the ${what} is larger than ${largest} bytes`);
  // Somebody who wants every default writes at least a comment; a file without anything is one that was cut off.
  if (text.trim() === '') {
    const hint = validatorOf(id, schema)({}) ? 'write {} to take every default' : '';
    throw new Problem(code, `${file}:1:1: the ${what} is empty`, hint);
  }
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true, version: '1.2' });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const broken = faultOfYaml(parsed, text);
  if (broken !== undefined) throw new Problem(code, `${at(broken.offset)}: ${broken.message}`);
  let value: unknown;
  try {
    value = parsed.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (cause) {
    throw new Problem(code, `${at(firstAlias(parsed))}: the ${what} uses too many aliases`, '', { cause });
  }
  const locate = (path: readonly string[], key = false) => at(offsetOf(parsed.contents, path, key));
  const validate = validatorOf(id, schema);
  if (!validate(value)) {
    const faults = faultsOf(validate);
    throw new Problem(
      code,
      faults
        .slice(0, 5)
        .map((fault) => `${locate(fault.path, fault.atKey)}: ${say(fault)}`)
        .join('\n'),
    );
  }
  return { file, value: value as T, locate };
}

function firstAlias(parsed: YamlDocument): number {
  let offset = 0;
  visit(parsed, {
    Alias: (_key, alias) => {
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

function say({ path, atKey, message }: Fault): string {
  if (atKey) return message;
  if (path.length > 0) return `${formatPath(path)}: ${message}`;
  return message === 'must be a map of keys and values' ? 'keys with values are expected, as in “key: value”' : message;
}

/** The offset of a value (or its key) in the text: of the deepest existing part of the path. */
function offsetOf(root: unknown, path: readonly string[], key: boolean): number {
  let node: unknown = root;
  let offset = (root as Node | null)?.range?.[0] ?? 0;
  for (const [depth, part] of path.entries()) {
    const pair = childOf(node, part);
    if (pair === undefined) break;
    const target = key && depth === path.length - 1 ? pair.key : (pair.value ?? pair.key);
    offset = (target as Node | null)?.range?.[0] ?? offset;
    node = pair.value;
  }
  return offset;
}

function childOf(node: unknown, part: string): { key: unknown; value: unknown } | undefined {
  if (isMap(node)) {
    return node.items.find((item: Pair) => isScalar(item.key) && String(item.key.value) === part);
  }
  const items = typeof node === 'object' && node !== null && 'items' in node ? (node.items as unknown[]) : [];
  const item = items[Number(part)];
  return item === undefined ? undefined : { key: item, value: item };
}
