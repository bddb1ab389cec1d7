import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The commands and files of docs/quickstart.md. */
export interface QuickstartPage {
  /** The whole text. */
  readonly text: string;
  /** By name: a line that begins with the name of a file and ends with a colon, then a block. */
  readonly files: ReadonlyMap<string, string>;
  /** The lines of each block of commands. */
  readonly commands: readonly (readonly string[])[];
}

export async function readQuickstart(): Promise<QuickstartPage> {
  const text = await readFile(join(import.meta.dirname, '../../../docs/quickstart.md'), 'utf8');
  const named = text.matchAll(/^`([^`\n]+)`[^\n]*:\n\n```\w*\n([\s\S]*?)```/gm);
  const typed = text.matchAll(/^```sh\n([\s\S]*?)```/gm);
  return {
    text,
    files: new Map([...named].map(([, name = '', content = '']) => [name, content])),
    commands: [...typed].map(([, block = '']) => block.trim().split('\n')),
  };
}
