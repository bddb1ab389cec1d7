import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { agentNamePattern } from '../../../core/ddl/outside-ddl.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { description, skeletons } from '../../agent-skeletons/skeletons.ts';

interface NewOptions {
  readonly language: keyof typeof skeletons;
  readonly directory: string;
}

/** Writes the two files of a new agent; existing ones are left alone. @throws Problem `bad-name`, `unwritable-file` */
export async function runAgentNew(
  name: string,
  { language, directory }: NewOptions,
  { out }: CliContext,
): Promise<number> {
  if (!new RegExp(agentNamePattern).test(name)) {
    throw new Problem('bad-name', `“${name}” is not a valid agent name`, 'use lower-case letters, digits and _');
  }
  const program = join(directory, name);
  await writeNew(`${program}.json`, description(name), 0o644);
  await writeNew(program, skeletons[language], 0o755);
  out(`wrote ${program} and ${program}.json: put both into agents.d of a node, owned by root, and reload its daemon`);
  return exitCode.ok;
}

async function writeNew(file: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(file, text, { mode, flag: 'wx' });
  } catch (cause) {
    throw new Problem('unwritable-file', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}
