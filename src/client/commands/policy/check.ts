import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { explain, explainErrno, Problem } from '../../../core/errors.ts';
import { type Groups, parseGroups, parsePolicy } from '../../../core/policy/parse.ts';
import {
  groupsFile,
  isPolicyForUnknown,
  type KnownAgent,
  reviewPolicy,
  reviewStray,
} from '../../../core/policy/review.ts';
import { count } from '../../../core/text.ts';
import { shellWord } from '../../cli/shell-word.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import type { ReadOutsideAgents } from './context.ts';
import { isPolicy, listFiles, readPolicyFile } from './read.ts';

export interface CheckOptions {
  readonly groups?: string;
  readonly agents?: string;
  readonly json?: boolean;
}

/** The built-in agents, and how others are read. */
export interface AgentSources {
  readonly catalogue: readonly KnownAgent[];
  readonly readOutside: ReadOutsideAgents;
}

interface Checked {
  readonly file: string;
  /** Its content, or undefined when it is refused. */
  readonly holds?: string;
  readonly problem?: Problem;
  /** Its rules without effect. */
  readonly remarks?: readonly string[];
  /** No known agent has that name. */
  readonly isForUnknown?: boolean;
}

/**
 * Reads each file separately, so that all faulty ones are named at once.
 * @returns 0, or 64 when one is refused or there is none
 */
export async function checkPolicies(
  path: string,
  options: CheckOptions,
  sources: AgentSources,
  context: CliContext,
): Promise<number> {
  const target = resolve(path);
  const isDirectory = (await statOf(target)).isDirectory();
  const directory = isDirectory ? target : dirname(target);
  const agents = await knownAgents(options.agents, directory, sources, context);
  const groups = options.groups === undefined ? join(directory, groupsFile) : resolve(options.groups);
  const files = isDirectory ? await listFiles(target) : [];
  const checked = isDirectory
    ? await checkAll(files.filter(isPolicy), groups, agents)
    : await checkAll(
        basename(target) === groupsFile ? [] : [target],
        basename(target) === groupsFile ? target : groups,
        agents,
      );
  for (const remark of files.flatMap((file) => reviewStray(file, agents))) context.err(`warning: ${remark}`);
  if (options.json === true) context.out(JSON.stringify(checked.map(asJson), null, 2));
  else print(checked, context);
  if (options.agents === undefined && checked.some(({ isForUnknown }) => isForUnknown === true))
    context.last(
      `if it is an agent in another language: mco-deploy policy check ${shellWord(path)} --agents DIRECTORY`,
    );
  const isEmpty = isDirectory && !checked.some(({ file }) => isPolicy(file));
  // A wrong directory is more probable than a node that nobody may use.
  if (isEmpty)
    context.err(`mco-deploy: there is no AGENT.policy in ${target}, so nobody could do anything: check the path`);
  const isRefused = checked.some(({ problem }) => problem !== undefined) || isEmpty;
  return isRefused ? exitCode.usage : exitCode.ok;
}

/** @throws Problem `unreadable-file` for a directory of agents that was typed and is not there */
async function knownAgents(
  typed: string | undefined,
  policies: string,
  { catalogue, readOutside }: AgentSources,
  { err }: CliContext,
): Promise<readonly KnownAgent[]> {
  if (typed !== undefined) await statOf(resolve(typed));
  const directory = typed === undefined ? join(dirname(policies), 'agents.d') : resolve(typed);
  const { agents, refused } = await readOutside(directory).catch((error: unknown) => {
    if (!(error instanceof Problem)) throw error;
    return { agents: [], refused: [`the agents in ${directory} are refused: ${explain(error)}`] };
  });
  for (const why of refused) err(`warning: ${why}`);
  return [...catalogue, ...agents];
}

async function checkAll(
  files: readonly string[],
  groupsPath: string,
  agents: readonly KnownAgent[],
): Promise<Checked[]> {
  const text = await readPolicyFile(groupsPath);
  const names = files.map((file) => basename(file, '.policy'));
  const checked: Checked[] = [];
  let groups: Groups = new Map();
  if (text !== undefined) {
    checked.push(
      attempt(groupsPath, () => {
        groups = parseGroups(text, groupsPath);
        return count(groups.size, 'group');
      }),
    );
  }
  for (const file of files) {
    const read = await readPolicyFile(file).catch((error: unknown) => {
      if (error instanceof Problem) return error;
      throw error;
    });
    const name = basename(file, '.policy');
    let remarks: readonly string[] = [];
    const one = attempt(file, () => {
      if (read instanceof Problem) throw read;
      const policy = parsePolicy(read ?? '', file, groups);
      remarks = reviewPolicy(name, policy, names, agents);
      return `${count(policy.rules.length, 'rule')}, then ${policy.allowsByDefault ? 'allow' : 'deny'}`;
    });
    checked.push({ ...one, remarks, isForUnknown: one.problem === undefined && isPolicyForUnknown(name, agents) });
  }
  return checked;
}

function attempt(file: string, parse: () => string): Checked {
  try {
    return { file, holds: parse() };
  } catch (problem) {
    if (problem instanceof Problem) return { file, problem };
    throw problem;
  }
}

function print(checked: readonly Checked[], context: CliContext): void {
  for (const { file, holds, problem, remarks = [] } of checked) {
    if (problem === undefined) context.out(`${file}: ${holds}`);
    else context.err(`mco-deploy: ${explain(problem)}`);
    for (const remark of remarks) context.err(`warning: ${remark}`);
  }
}

function asJson({ file, holds, problem, remarks = [] }: Checked) {
  if (problem === undefined) return { file, ok: true, holds, warnings: remarks };
  return { file, ok: false, code: problem.code, message: problem.message };
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (cause) {
    throw new Problem('unreadable-file', `${path} cannot be read: ${explainErrno(cause)}`, '', { cause });
  }
}
