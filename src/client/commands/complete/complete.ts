import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { shippedPlaybooks, shippedScripts } from '#playbooks';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { printable } from '../../../core/text.ts';
import { type CachedNode, parseContent } from '../../../discovery/cache/content.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { homeOf } from '../../../library/config/home.ts';
import { isScript } from '../../scripts/names.ts';
import { candidatesOf } from '../../completion/candidates.ts';

/** Prints one candidate a line, with a tab and its description if there is one; or a line “:files” for a file name. */
export async function printCandidates(
  words: readonly string[],
  program: Command,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const nodes = await readNodes(context);
  const found = candidatesOf(words, {
    program,
    catalogue,
    nodes,
    playbooks: Object.keys(shippedPlaybooks),
    scripts: Object.keys(shippedScripts),
    scriptInputs: await readScriptInputs(words, catalogue),
  });
  for (const { value, help } of found) context.out(help ? `${value}\t${printable(help)}` : value);
  return exitCode.ok;
}

/** The inputs of the script on the command line; empty if it cannot be read. */
async function readScriptInputs(
  [command = '', ...words]: readonly string[],
  catalogue: readonly Ddl[],
): Promise<Record<string, string>> {
  if (command !== 'orchestrate' && command !== 'run') return {};
  const typed = words.slice(0, -1).filter((word) => !word.startsWith('-'));
  const name = command === 'run' ? typed.find(isScript) : typed[0];
  if (name === undefined) return {};
  const { readInputNames } = await import('../../scripts/explain.ts');
  try {
    return await readInputNames(name, catalogue);
  } catch {
    return {};
  }
}

/** The known nodes. Completion prints no warning about a cache that cannot be read. */
async function readNodes({ env }: CliContext): Promise<CachedNode[]> {
  const cache = env.XDG_CACHE_HOME || join(homeOf(env), '.cache');
  try {
    return [...parseContent(await readFile(join(cache, 'mco-deploy/nodes.json'), 'utf8')).nodes.values()];
  } catch {
    return [];
  }
}
