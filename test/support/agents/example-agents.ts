import { chmod, copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const exampleAgents = join(import.meta.dirname, '../../../examples/agents');

/** Puts the agents of the examples where a node looks for agents in other languages. @returns that directory */
export async function installExamples(nodeDirectory: string): Promise<string> {
  const directory = join(nodeDirectory, 'agents.d');
  await mkdir(directory, { mode: 0o755 });
  for (const file of await readdir(exampleAgents)) {
    await copyFile(join(exampleAgents, file), join(directory, file));
    await chmod(join(directory, file), file.endsWith('.json') ? 0o644 : 0o755);
  }
  return directory;
}
