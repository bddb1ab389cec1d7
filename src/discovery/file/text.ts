import { type Document, isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { Problem } from '../../core/errors.ts';
import { faultOfYaml } from '../../core/files/yaml/yaml-fault.ts';
import { isObject } from '../../core/json.ts';
import type { Candidate } from '../../core/node.ts';
import { type ListEntry, linesOf, parseEntries } from '../listed.ts';
import { ansibleEntries, ansibleHosts } from './ansible.ts';
import { declaredEntries, declaredHosts } from './fleet.ts';
import { largest, plainEntries } from './plain-list.ts';

/**
 * A list of nodes in any of its forms: one name a line; or, in YAML or JSON, a list (or a list under `nodes:`) of names
 * and of `{name, address, port}`; or the hosts of a fleet.yaml; or the JSON of `ansible-inventory --list`.
 * @param file its name in messages
 * @throws Problem `bad-nodes` with file and line
 */
export function parseNodesText(text: string, file: string, source: string): Candidate[] {
  return plainEntries(text, source) ?? parseOtherText(text, file, source);
}

/** The same for a text that is not a plain list. */
export function parseOtherText(text: string, file: string, source: string): Candidate[] {
  if (text.length > largest) throw new Problem('bad-nodes', `${file}: the list is larger than ${largest} bytes`);
  return parseEntries(isStructured(text) ? documentEntries(text, file) : linesOf(text, file), source);
}

/**
 * Decides by the first line that is neither empty nor a comment: no name begins or ends as a YAML or JSON collection
 * does.
 */
function isStructured(text: string): boolean {
  const first = text.split('\n').find((line) => line.replace(/#.*/, '').trim() !== '') ?? '';
  return /^\s*(\[|\{|-(\s|$)|---|[a-z]+\s*:)/.test(first);
}

const ansible = 'of an Ansible inventory, take what “ansible-inventory -i FILE --list” prints';

/** A line with the name of a group in brackets. */
function isIni(text: string): boolean {
  return /^\[[\w.:-]+\]\s*$/m.test(text);
}

function documentEntries(text: string, file: string): ListEntry[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, stringKeys: true });
  const at = (offset = 0) => `${file}:${lines.linePos(offset).line}`;
  const fault = faultOfYaml(document, text);
  if (fault !== undefined && isIni(text))
    throw new Problem('bad-nodes', `${file}: this is an inventory in INI`, ansible);
  if (fault !== undefined) throw new Problem('bad-nodes', `${at(fault.offset)}: ${fault.message}`);
  const root = document.contents;
  const values = valuesOf(document, file);
  const hosts = ansibleHosts(root);
  if (hosts !== undefined && isMap(root)) return ansibleEntries(root, hosts, at);
  const declared = declaredHosts(root);
  if (declared !== undefined) return declaredEntries(declared, at);
  const list = isMap(root) ? root.get('nodes') : root;
  if (!isSeq(list)) {
    const message = `${at(root?.range?.[0])}: expected a list of nodes, or “nodes:” with one`;
    throw new Problem('bad-nodes', message, ansible);
  }
  return list.items.map((item, index) => ({ value: values[index], at: at((item as Node).range?.[0]) }));
}

function valuesOf(document: Document.Parsed, file: string): unknown[] {
  try {
    // As a whole: item by item, each would be allowed unlimited aliases.
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return (isObject(value) ? value.nodes : value) as unknown[];
  } catch (cause) {
    throw new Problem('bad-nodes', `${file}: the list uses too many aliases`, '', { cause });
  }
}
