import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../../core/errors.ts';
import { writeNewOutput } from '../../../core/files/output.ts';
import { agentNamePattern } from '../../../core/ddl/outside-ddl.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { description, skeletons } from '../../agent-skeletons/skeletons.ts';

interface NewOptions {
  readonly language: keyof typeof skeletons;
  readonly directory: string;
}

/** Writes the two files of a new agent; existing ones are left alone. @throws Problem `bad-name`, `file-exists`, `unwritable-file` */
export async function runAgentNew(
  name: string,
  { language, directory }: NewOptions,
  { out }: CliContext,
): Promise<number> {
  if (!new RegExp(agentNamePattern).test(name)) {
    throw new Problem('bad-name', `“${name}” is not a valid agent name`, 'use lower-case letters, digits and _');
  }
  const program = join(directory, name);
  await writeNewOutput(`${program}.json`, description(name), 0o644);
  await writeNewOutput(program, skeletons[language], 0o755).catch(async (error) => {
    // Both or neither: else the command could not be repeated.
    await rm(`${program}.json`, { force: true }).catch(() => {});
    throw error;
  });
  out(`wrote ${program} and ${program}.json: put both into agents.d of a node, owned by root, and reload its daemon`);
  return exitCode.ok;
}
