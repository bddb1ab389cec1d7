/** Reads a playbook and checks it whole, before anything runs. */
import { readFile } from 'node:fs/promises';
import type { Ddl } from '../core/ddl.ts';
import { parseDocumentText } from '../core/document.ts';
import { explainErrno, Problem } from '../core/errors.ts';
import { checkInputs } from './compile-inputs.ts';
import { compileNodeSets } from './compile-sets.ts';
import { compileSteps } from './compile-steps.ts';
import { type PlaybookSource, playbookSchema } from './format.ts';
import { placeOf, type SourceText } from './place.ts';
import type { Playbook } from './playbook.ts';
import { names, record, shapeOfRun } from './shape.ts';
import { compileTemplate } from './template.ts';

export interface PlaybookText {
  readonly text: string;
  /** How messages call it. */
  readonly name: string;
}

/**
 * @param file its path, or its text
 * @param catalogue every agent that a step may call
 * @throws Problem `unreadable-file`; `bad-playbook` with file, line, column, what is wrong and what was expected
 */
export async function loadPlaybook(file: string | PlaybookText, catalogue: readonly Ddl[]): Promise<Playbook> {
  const given = typeof file === 'string' ? { text: await read(file), name: file } : file;
  const document = parseDocumentText<PlaybookSource>(given.text, given.name, 'playbook', 'playbook', playbookSchema);
  return compilePlaybook(document.value, given.name, { text: given.text, locate: document.locate }, catalogue);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new Problem('unreadable-file', `the playbook ${file} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

function compilePlaybook(source: PlaybookSource, file: string, text: SourceText, catalogue: readonly Ddl[]): Playbook {
  const { name, description = '', inputs = {}, nodes = {} } = source;
  checkInputs(inputs, text);
  const early = record({ inputs: names(Object.keys(inputs)), run: shapeOfRun });
  const label = source.label ?? name;
  return {
    name,
    description,
    file,
    source,
    inputs,
    label: compileTemplate(label, early, () => placeOf(text, ['label'], label)),
    nodes: compileNodeSets(nodes, early, text),
    ...compileSteps(source, text, catalogue),
  };
}
