import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import type { NodeFacts } from '../../core/node.ts';
import { decide } from '../../core/policy/decide.ts';
import { type Groups, type Policy, parseGroups, parsePolicy } from '../../core/policy/parse.ts';
import type { Log } from '../../core/ports.ts';

/** The node's policies: AGENT.policy, else default.policy, else nobody may do anything. */
export interface Policies {
  readonly allows: (asked: { caller: string; agent: string; action: string }) => Promise<boolean>;
  /** Reads all files again; a file that does not parse leaves the last good one in force. */
  readonly reload: () => Promise<void>;
  /** What does not parse, file and line. */
  readonly warnings: () => readonly string[];
}

interface Loaded {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly groups: Groups;
  readonly warnings: readonly string[];
}

const groupsFile = 'groups';

/**
 * @param self what rules about facts and classes are judged by, asked for at every decision
 */
export async function startPolicies(directory: string, self: () => Promise<NodeFacts>, log: Log): Promise<Policies> {
  let loaded: Loaded = { policies: new Map(), groups: parseGroups('', groupsFile), warnings: [] };
  const reload = async () => {
    loaded = await loadAll(directory, loaded);
    for (const warning of loaded.warnings) log.error({ directory }, warning);
  };
  await reload();
  return {
    reload,
    warnings: () => loaded.warnings,
    allows: async ({ caller, agent, action }) => {
      const policy = loaded.policies.get(agent) ?? loaded.policies.get('default');
      if (policy === undefined) return false;
      return decide(policy, { caller, action, node: await self() }).allowed;
    },
  };
}

async function loadAll(directory: string, last: Loaded): Promise<Loaded> {
  let files: string[];
  try {
    files = await readdir(directory);
  } catch (error) {
    const warning = `the policies in ${directory} cannot be read: ${explainErrno(error)}`;
    return {
      ...last,
      warnings:
        errnoOf(error) === 'ENOENT' && last.policies.size === 0
          ? [`${directory} is missing: nobody may do anything`]
          : [warning],
    };
  }
  const warnings: string[] = [];
  const policies = new Map<string, Policy>();
  /** Keeps what was good when a file is not; denies all where nothing was. */
  const attempt = async <T>(file: string, parse: (text: string, path: string) => T, lastGood: T | undefined) => {
    const path = join(directory, file);
    try {
      return parse(await readFile(path, 'utf8'), path);
    } catch (error) {
      const reason = error instanceof Problem ? error.message : `${path}: ${explainErrno(error)}`;
      const kept = lastGood === undefined ? 'nobody is allowed anything by it' : 'the last good one stays in force';
      warnings.push(`policy refused, ${kept}: ${reason}`);
      return lastGood;
    }
  };
  const groups = files.includes(groupsFile)
    ? ((await attempt(groupsFile, parseGroups, last.groups)) ?? last.groups)
    : parseGroups('', groupsFile);
  for (const file of files.filter((name) => name.endsWith('.policy')).sort()) {
    const agent = file.slice(0, -'.policy'.length);
    const parse = (text: string, path: string) => parsePolicy(text, path, groups);
    const policy =
      (await attempt(file, parse, last.policies.get(agent))) ?? parsePolicy('policy default deny', file, groups);
    policies.set(agent, policy);
  }
  return { policies, groups, warnings };
}
