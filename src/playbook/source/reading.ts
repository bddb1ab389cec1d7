/** Reads a playbook and all those that it uses, before anything of them is compiled. */
import { dirname, resolve } from 'node:path';
import { parseDocumentText } from '../../core/files/yaml/document.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { type PlaybookSource, playbookSchema } from './schema.ts';
import { recogniseForeign } from './foreign.ts';
import { locationOf, type SourceText } from './locations.ts';
import { readText } from './read-text.ts';
import { everySource } from './walking.ts';

export interface PlaybookText {
  readonly text: string;
  /** Its name in messages: its path, for a file. */
  readonly name: string;
}

/** Finds a playbook by the name in another one. @throws Problem */
export type ReadPlaybook = (name: string, from: PlaybookText) => Promise<PlaybookText>;

/** A playbook that matches the schema, and those that it uses, by the names in it. */
export interface PlaybookTree {
  readonly name: string;
  readonly source: PlaybookSource;
  readonly text: SourceText;
  readonly used: ReadonlyMap<string, PlaybookTree>;
}

const largest = 1024 * 1024;
const deepest = 5;
const most = 50;

/** @throws Problem `unreadable-file` */
export async function readPlaybookFile(file: string): Promise<PlaybookText> {
  const text = await readText(file, largest).catch((cause: unknown) => {
    throw new Problem('unreadable-file', `the playbook ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  });
  if (text !== undefined) return { text, name: file };
  throw new Problem('bad-playbook', `${file}: the playbook is larger than ${largest} bytes`);
}

/** A path, relative to the playbook that names it. */
export const readBeside: ReadPlaybook = (name, from) => readPlaybookFile(resolve(dirname(from.name), name));

/** @throws Problem `bad-playbook`, which says so if the file belongs to another tool */
function parseSource({ text, name }: PlaybookText) {
  try {
    return parseDocumentText<PlaybookSource>(text, name, 'playbook', 'playbook', playbookSchema);
  } catch (cause) {
    const foreign = recogniseForeign(text);
    if (foreign === undefined) throw cause;
    const hint = `${foreign.page} shows how to write it here`;
    throw new Problem('bad-playbook', `${name} is ${foreign.what}, not a playbook of mco-deploy`, hint, { cause });
  }
}

/** @throws Problem `bad-playbook`, also for a circle and for too deep nesting */
export async function readTree(root: PlaybookText, read: ReadPlaybook): Promise<PlaybookTree> {
  let count = 0;
  const parse = async (one: PlaybookText, above: readonly string[]): Promise<PlaybookTree> => {
    const { value, locate } = parseSource(one);
    const text = { text: one.text, locate };
    const chain = [...above, one.name];
    const used = new Map<string, PlaybookTree>();
    for (const { step, path } of everySource(value)) {
      if (step.use === undefined || used.has(step.use)) continue;
      const location = locationOf(text, [...path, 'use']);
      const next = await read(step.use, one).catch((error: unknown) => {
        return error instanceof Problem ? location.fail(error.message) : Promise.reject(error);
      });
      if (chain.includes(next.name)) {
        location.fail(`the playbooks use each other in a circle: ${[...chain, next.name].join(' → ')}`);
      }
      if (chain.length >= deepest) location.fail(`playbooks use playbooks deeper than ${deepest} levels`);
      if (++count > most) location.fail(`more than ${most} playbooks are used`);
      used.set(step.use, await parse(next, chain));
    }
    return { name: one.name, source: value, text, used };
  };
  return await parse(root, []);
}
