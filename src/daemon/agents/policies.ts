import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, explainErrno, Problem } from '../../core/errors.ts';
import { decodeText } from '../../core/files/decode.ts';
import { readRegular } from '../../core/files/read-input.ts';
import type { PartlyKnownNode } from '../../core/policy/certainty.ts';
import { decide } from '../../core/policy/decide.ts';
import { type Groups, type Policy, parseGroups, parsePolicy } from '../../core/policy/parse.ts';
import { groupsFile, type KnownAgent, policyNamesOf, reviewPolicy, reviewStray } from '../../core/policy/review.ts';
import type { Log } from '../../core/ports.ts';

/** The node's policies: AGENT.policy, else default.policy, else everything is denied. */
export interface Policies {
  /** @param limited as in {@link decide} */
  readonly allows: (access: { caller: string; agent: string; action: string; limited?: boolean }) => Promise<boolean>;
  /** Reads all files again; a file that does not parse leaves the last good one in force. */
  readonly reload: () => Promise<void>;
  /** Files and lines that do not parse, and rules without effect. */
  readonly warnings: () => readonly string[];
  /** Rules without effect: a policy of an unknown agent, a rule for an unknown action. */
  readonly remarks: () => readonly string[];
}

interface Loaded {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly groups: Groups;
  readonly warnings: readonly string[];
  /** The paths of all files there. */
  readonly files: readonly string[];
}

/**
 * @param agents all that are known here, enabled or not
 * @param self the facts and classes for rules, read at every decision
 */
export async function startPolicies(
  directory: string,
  self: () => Promise<PartlyKnownNode>,
  log: Log,
  agents: () => readonly KnownAgent[],
): Promise<Policies> {
  let loaded: Loaded = { policies: new Map(), groups: parseGroups('', groupsFile), warnings: [], files: [] };
  const reload = async () => {
    loaded = await loadAll(directory, loaded);
    for (const warning of loaded.warnings) log.error({ directory }, warning);
  };
  await reload();
  const remarks = keepReview(agents);
  return {
    reload,
    remarks: () => remarks(loaded),
    warnings: () => [...loaded.warnings, ...remarks(loaded)],
    allows: async ({ caller, agent, action, limited = false }) => {
      const names = policyNamesOf(agent, agents());
      const policy = names.map((name) => loaded.policies.get(name)).find((one) => one !== undefined);
      if (policy === undefined) return false;
      return decide(policy, { caller, action, node: await self(), limited }).allowed;
    },
  };
}

/** Each description of the node asks for the remarks: they are made again only if policies or agents have changed. */
function keepReview(agents: () => readonly KnownAgent[]): (loaded: Loaded) => readonly string[] {
  let last: { loaded: Loaded; known: readonly KnownAgent[]; remarks: readonly string[] } | undefined;
  return (loaded) => {
    const { policies, files } = loaded;
    const known = agents();
    const isSame = last?.loaded === loaded && last.known.length === known.length;
    if (last !== undefined && isSame && last.known.every((agent, index) => agent === known[index])) return last.remarks;
    const names = [...policies.keys()];
    const remarks = [
      ...[...policies].flatMap(([name, policy]) => reviewPolicy(name, policy, names, known)),
      ...files.flatMap((file) => reviewStray(file, known)),
    ];
    last = { loaded, known, remarks };
    return remarks;
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
  /** Keeps the good version when a file is broken; denies everything if there was none. */
  const attempt = async <T>(file: string, parse: (text: string, path: string) => T, lastGood: T | undefined) => {
    const path = join(directory, file);
    try {
      return parse(decodeText(await readRegular(path)), path);
    } catch (error) {
      const reason = error instanceof Problem ? error.message : `${path}: ${explainErrno(error)}`;
      const kept = lastGood === undefined ? 'it grants no rights' : 'the last good one stays in force';
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
  return { policies, groups, warnings, files: files.sort().map((name) => join(directory, name)) };
}
