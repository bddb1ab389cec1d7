import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { convertDdl } from '../../../src/agents/external/convert.ts';
import { agents } from '../../../src/agents/index.ts';
import { readPlaybook } from '../../../src/library/runs/find-playbook.ts';
import { takeOutsideDdl } from '../../../src/core/ddl/outside-ddl.ts';
import { compilePlaybook } from '../../../src/playbook/compile/load.ts';
import type { Playbook } from '../../../src/playbook/model.ts';

const examples = join(import.meta.dirname, '../../../examples/agents');

/**
 * A shipped playbook, by its name, checked by the shipped DDLs; those of the examples are as nodes would describe them.
 */
export async function loadShipped(name: string): Promise<Playbook> {
  const told = convertDdl(JSON.parse(await readFile(join(examples, 'mailqueue.json'), 'utf8')), 'mailqueue.json');
  const catalogue = [...agents.map(({ ddl }) => ddl), takeOutsideDdl(told, 'the example')];
  return compilePlaybook(await readPlaybook(name), catalogue);
}
