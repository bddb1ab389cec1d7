import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { explain, explainErrno, Problem } from '../../../core/errors.ts';
import { decodeText } from '../../../core/files/decode.ts';
import { replaceFile } from '../../../core/files/durable.ts';
import { readInput } from '../../../core/files/read-input.ts';
import { type CallerMap, type Rewritten, rewriteCallers } from '../../../core/policy/foreign.ts';
import { isCallerId } from '../../../core/policy/groups.ts';
import { type Groups, parseGroups, parsePolicy } from '../../../core/policy/parse.ts';
import { groupsFile } from '../../../core/policy/review.ts';
import { count } from '../../../core/text.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';

export interface ImportOptions {
  readonly map?: readonly string[];
  readonly write?: boolean;
}

interface ImportedFile {
  readonly file: string;
  readonly text: string;
  readonly changed: readonly Rewritten[];
}

/**
 * Rewrites the callers of Choria and MCollective in a directory of policies. It shows the difference, and writes only
 * on request. It names what still does not parse afterwards.
 * @returns 0, or 64 when a file would be refused as it then is
 */
export async function importPolicies(path: string, options: ImportOptions, context: CliContext): Promise<number> {
  const map = parseMap(options.map ?? []);
  const files = await readAll(resolve(path), map);
  if (files.length === 0)
    throw new Problem('usage', `there is no AGENT.policy in ${path}`, 'name their directory, or one');
  for (const file of files) for (const line of diffOf(file)) context.out(line);
  const faults = faultsOf(files);
  for (const fault of faults) context.err(`mco-deploy: ${explain(fault)}`);
  const changed = files.filter((file) => file.changed.length > 0);
  if (options.write === true) {
    for (const { file, text } of changed) await replaceFile(file, text);
    context.err(`${count(changed.length, 'file')} rewritten`);
  } else if (changed.length > 0) {
    context.err(`nothing was written: repeat the command with --write to rewrite ${count(changed.length, 'file')}`);
  } else if (faults.length === 0) context.err(`nothing has to be changed in ${count(files.length, 'file')}`);
  return faults.length > 0 ? exitCode.usage : exitCode.ok;
}

/** `choria=cert`, `choria=cert=*@devco.net`, `uid=500=cert=rip`. @throws Problem `usage` */
function parseMap(typed: readonly string[]): CallerMap {
  const mapping = new Map<string, string>();
  let choria: string | undefined;
  for (const one of typed) {
    const [, from = '', to = ''] = /^(choria|[a-z0-9]+=[^=]+)=((?:cert|node)(?:=[^=]+)?)$/.exec(one) ?? [];
    const name = to.includes('=') ? to : `${to}=*`;
    if (from === '' || !isCallerId(name.replace('*', 'name')))
      throw new Problem('usage', `--map “${one}” is not valid`, 'write --map choria=cert or --map uid=500=cert=NAME');
    if (from === 'choria') choria = name;
    else mapping.set(from, to);
  }
  return { words: mapping, ...(choria === undefined ? {} : { choria }) };
}

async function readAll(path: string, map: CallerMap): Promise<ImportedFile[]> {
  const read = async (file: string): Promise<ImportedFile> => ({
    file,
    ...rewriteCallers(decodeText(await readInput(file)), map),
  });
  try {
    if (path.endsWith('.policy') || basename(path) === groupsFile) return [await read(path)];
    if (!(await stat(path)).isDirectory())
      throw new Problem('usage', `${path} is not a policy`, 'name AGENT.policy, or a directory of them');
    const names = (await readdir(path)).filter((name) => name.endsWith('.policy') || name === groupsFile);
    return await Promise.all(names.sort().map((name) => read(join(path, name))));
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('unreadable-file', `${path} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}

function diffOf({ file, changed }: ImportedFile): string[] {
  if (changed.length === 0) return [];
  const hunks = changed.flatMap(({ line, before, after }) => [`@@ -${line} +${line} @@`, `-${before}`, `+${after}`]);
  return [`--- ${file}`, `+++ ${file}`, ...hunks];
}

/** Each file as the daemon would read it then. */
function faultsOf(files: readonly ImportedFile[]): Problem[] {
  let groups: Groups = new Map();
  const faults: Problem[] = [];
  const check = (parse: () => void) => {
    try {
      parse();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      faults.push(error);
    }
  };
  for (const { file, text } of files.filter((one) => basename(one.file) === groupsFile)) {
    check(() => {
      groups = parseGroups(text, file);
    });
  }
  for (const { file, text } of files.filter((one) => basename(one.file) !== groupsFile))
    check(() => void parsePolicy(text, file, groups));
  return faults;
}
