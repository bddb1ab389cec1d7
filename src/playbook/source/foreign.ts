import { parseDocument } from 'yaml';
import { isObject, type JsonObject } from '../../core/json.ts';

/** A file of another tool, and the page that shows how to write it here. */
export interface ForeignFile {
  /** With its article: “an Ansible playbook”. */
  readonly what: string;
  readonly page: string;
}

interface Kind extends ForeignFile {
  readonly is: (root: unknown) => boolean;
}

const has = (root: unknown, ...keys: string[]): root is JsonObject =>
  isObject(root) && keys.every((key) => Object.hasOwn(root, key));

/** Keys that only a file of that tool has. */
const kinds: readonly Kind[] = [
  {
    what: 'an Ansible playbook',
    page: 'docs/from/ansible.md',
    is: (root) =>
      Array.isArray(root) &&
      root.some(
        (play) => has(play, 'hosts') || has(play, 'import_playbook') || has(play, 'ansible.builtin.import_playbook'),
      ),
  },
  {
    what: 'a file of Ansible tasks',
    page: 'docs/from/ansible.md',
    is: (root) =>
      Array.isArray(root) &&
      root.some(
        (task) =>
          has(task, 'name') &&
          Object.keys(task).some((key) =>
            /^(ansible\.|community\.)|^(shell|command|service|apt|copy|template|debug)$/.test(key),
          ),
      ),
  },
  {
    what: 'an Ansible inventory',
    page: 'docs/from/ansible.md',
    is: (root) => isObject(root) && Object.values(root).some((group) => has(group, 'hosts') && isObject(group.hosts)),
  },
  {
    what: 'a Kamal deploy.yml',
    page: 'docs/from/kamal.md',
    is: (root) =>
      has(root, 'service', 'image') || (has(root, 'servers') && (has(root, 'registry') || has(root, 'proxy'))),
  },
  {
    what: 'a Choria playbook',
    page: 'docs/from/choria.md',
    is: (root) => has(root, 'tasks') && !Object.hasOwn(root, 'steps'),
  },
  {
    what: 'a Bolt plan',
    page: 'docs/from/choria.md',
    is: (root) => has(root, 'steps') && Array.isArray(root.steps) && root.steps.some((step) => has(step, 'targets')),
  },
  {
    what: 'a workflow of GitHub Actions',
    page: 'docs/playbooks.md',
    is: (root) => has(root, 'jobs') && isObject(root.jobs),
  },
];

/** Recognises files of other tools; undefined for other YAML, and for other text. */
export function recogniseForeign(text: string): ForeignFile | undefined {
  if (/^\s*#!.*\bpuppet\b|^\s*plan\s+[a-z][\w:]*\s*[({]/.test(text)) {
    return { what: 'a plan in the Puppet language', page: 'docs/from/choria.md' };
  }
  let root: unknown;
  try {
    // Tags such as !vault belong to the other tool.
    root = parseDocument(text, { logLevel: 'silent' }).toJS({ maxAliasCount: 100 });
  } catch {
    return undefined;
  }
  return kinds.find(({ is }) => is(root));
}
