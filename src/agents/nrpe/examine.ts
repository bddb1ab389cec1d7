import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { ExamineSetup } from '../../core/agent.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { examine, type Finding, fine } from '../../core/finding.ts';
import { count } from '../../core/text.ts';
import { parseCommandLine } from './command-line.ts';
import type { NrpeConfig } from './config.ts';
import { cacheDefinitions } from './definitions.ts';

/** Whether nrpe.cfg can be read, and each command in it be run. */
export function examineNrpe({ config }: ExamineSetup<NrpeConfig>): Promise<readonly Finding[]> {
  return examine('nrpe', 'mend the file, or name another with agents.nrpe.config', async () => {
    const { commands, prefix } = await cacheDefinitions(config.config)();
    const each = [...commands].map(([name, line]) =>
      examine('nrpe', `mend or remove command[${name}]`, async () => {
        const [program] = parseCommandLine(`${prefix} ${line}`.trim(), `the definition of command[${name}]`);
        await requireProgram(program, name);
        return [];
      }),
    );
    const faults = (await Promise.all(each)).flat();
    const good = count(commands.size - faults.length, 'command');
    return [fine('nrpe', `${config.config} defines ${good} that can be run`), ...faults];
  });
}

/** @throws Problem `no-program` */
async function requireProgram(program: string, name: string): Promise<void> {
  if (!program.startsWith('/')) return;
  try {
    await access(program, constants.X_OK);
  } catch (cause) {
    throw new Problem('no-program', `command[${name}]: ${program} cannot be run: ${explainErrno(cause)}`);
  }
}
