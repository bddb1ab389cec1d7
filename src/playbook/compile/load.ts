/** Reads a playbook and checks it completely, before anything runs. */
import { dirname } from 'node:path';
import type { Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { checkInputs } from '../inputs/check-inputs.ts';
import { compileUses } from './uses.ts';
import { compileNodeSets } from './node-sets.ts';
import { addNotices } from './notices.ts';
import { compileSteps } from './steps.ts';
import { locationOf } from '../source/locations.ts';
import type { Playbook } from '../model.ts';
import { names, record, shapeOfRun } from '../expressions/shapes.ts';
import { compileTemplate } from '../expressions/template.ts';
import {
  type PlaybookText,
  type PlaybookTree,
  type ReadPlaybook,
  readBeside,
  readPlaybookFile,
  readTree,
} from '../source/reading.ts';

/**
 * @param file its path, or its text
 * @param catalogue every agent that a step may call
 * @param read finds the playbooks that it uses; by their paths if omitted
 * @throws Problem `unreadable-file`; `bad-playbook` with file, line, column, what is wrong and what was expected
 */
export async function loadPlaybook(
  file: string | PlaybookText,
  catalogue: readonly Ddl[],
  read: ReadPlaybook = readBeside,
): Promise<Playbook> {
  const tree = typeof file === 'string' ? await readPlaybookFile(file) : file;
  return compilePlaybook(await readTree(tree, read), catalogue);
}

/**
 * @param isUsed as a step of another one, which notifies for it
 * @throws Problem `bad-playbook`
 */
export function compilePlaybook(tree: PlaybookTree, catalogue: readonly Ddl[], isUsed = false): Playbook {
  const { name: file, used } = tree;
  const { notify: _notify, ...silent } = tree.source;
  const { source, text, notices } = addNotices(isUsed ? silent : tree.source, tree.text);
  const { name, description = '', inputs = {}, nodes = {} } = source;
  checkInputs(inputs, text);
  const early = record({ inputs: names(Object.keys(inputs)), run: shapeOfRun });
  const compiled = new Map<string, Playbook>();
  const useOf = (one: string): Playbook => {
    const known = compiled.get(one);
    const below = used.get(one);
    if (known !== undefined) return known;
    if (below === undefined) throw new Problem('internal', `the playbook ${one} was not read`);
    const made = compilePlaybook(below, catalogue, true);
    compiled.set(one, made);
    return made;
  };
  const versions = compileUses(source.uses, catalogue, text);
  const template = (key: string, value: string) => compileTemplate(value, early, () => locationOf(text, [key], value));
  return {
    name,
    description,
    file,
    source: tree.source,
    inputs,
    label: template('label', source.label ?? name),
    lock: source.lock === undefined ? undefined : template('lock', source.lock),
    nodes: compileNodeSets(nodes, early, text, dirname(file)).map((set) => ({ ...set, versions })),
    ...compileSteps(source, text, catalogue, useOf, notices),
  };
}
