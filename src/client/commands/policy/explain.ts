import { join, resolve } from 'node:path';
import { actionOf, type Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { PartlyKnownNode } from '../../../core/policy/certainty.ts';
import { type Decision, decide } from '../../../core/policy/decide.ts';
import { parsePolicy } from '../../../core/policy/parse.ts';
import { fallbackPolicy, groupsFile, policyNamesOf } from '../../../core/policy/review.ts';
import { suggest } from '../../../core/text.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import type { ReadPolicyContext } from './context.ts';
import { readGroups, readPolicyFile } from './read.ts';

export interface ExplainOptions {
  readonly caller: string;
  readonly agent: string;
  readonly action: string;
  readonly policies?: string;
  readonly facts?: readonly string[];
  readonly classes?: readonly string[];
  readonly config: string;
  readonly json?: boolean;
}

interface Explained extends Omit<Decision, 'line'> {
  /** `none` when there is no policy at all. */
  readonly line: Decision['line'] | 'none';
  /** True when the agent has no policy of its own and default.policy decided. */
  readonly fallback: boolean;
}

/** Decides as the daemon would. @returns 0 when it is allowed, 77 when it is not */
export async function explainPolicy(
  options: ExplainOptions,
  catalogue: readonly Ddl[],
  readPlace: ReadPolicyContext,
  context: CliContext,
): Promise<number> {
  const { caller, action } = options;
  const known = catalogue.find(({ name, aliases }) => name === options.agent || aliases?.includes(options.agent));
  const agent = known?.name ?? options.agent;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(agent)) throw new Problem('usage', `“${agent}” is not a valid agent name`);
  if (!/^(cert|node)=/.test(caller)) {
    throw new Problem('usage', `“${caller}” is not a valid caller`, `write cert=${caller}, as policies do`);
  }
  if (known !== undefined && actionOf(known, action) === undefined) {
    const near = suggest(action, Object.keys(known.actions));
    context.err(`warning: the agent ${agent} has no action “${action}”, so it is refused in any case: ${near}`);
  }
  const { policies, node } = await placeOf(options, readPlace);
  const decided = await decideIn(policies, policyNamesOf(agent, catalogue), { caller, action, node });
  if (options.json === true) context.out(JSON.stringify({ caller, agent, action, ...explainedJson(decided) }));
  else print(decided, `${caller} may${decided.allowed ? '' : ' not'} ${agent}.${action}`, agent, context);
  return decided.allowed ? exitCode.ok : exitCode.allRefused;
}

/** Values from the command line come first; this node's own files are read only for the rest. */
async function placeOf(
  { policies, facts, classes, config }: ExplainOptions,
  readPlace: ReadPolicyContext,
): Promise<{ policies: string; node: PartlyKnownNode }> {
  const isDescribed = facts !== undefined || classes !== undefined;
  const own = policies !== undefined && isDescribed ? undefined : await readPlace(config).catch(orNothing(policies));
  return {
    policies: policies === undefined ? (own?.policies ?? '') : resolve(policies),
    node: {
      name: own?.node.name ?? '',
      agents: own?.node.agents ?? [],
      classes: classes ?? own?.node.classes ?? [],
      facts: facts === undefined ? (own?.node.facts ?? {}) : parseFacts(facts),
      missing: isDescribed ? [] : (own?.node.missing ?? []),
    },
  };
}

/** Away from a node, policies are judged for one without facts and classes. */
function orNothing(policies: string | undefined) {
  return (error: unknown): undefined => {
    if (policies === undefined) throw error;
    return undefined;
  };
}

async function decideIn(
  directory: string,
  names: readonly string[],
  request: { caller: string; action: string; node: PartlyKnownNode },
): Promise<Explained> {
  const groups = await readGroups(join(directory, groupsFile));
  for (const name of names) {
    const file = join(directory, `${name}.policy`);
    const text = await readPolicyFile(file);
    if (text === undefined) continue;
    return { ...decide(parsePolicy(text, file, groups), request), fallback: name === fallbackPolicy };
  }
  const file = join(directory, 'default.policy');
  return { allowed: false, file, line: 'none', text: '', fallback: true };
}

function explainedJson({ line, ...explained }: Explained) {
  if (typeof line === 'number') return { ...explained, line, by: 'rule' };
  return { ...explained, line: null, by: line };
}

function print(explained: Explained, decision: string, agent: string, context: CliContext): void {
  const { file, line, text, fallback } = explained;
  context.out(decision);
  if (line === 'none') {
    context.out(`neither ${agent}.policy nor ${file} is there: nobody may do anything`);
    return;
  }
  context.out(line === 'default' ? `by ${file}, where no rule fits: ${text}` : `by ${file}:${line}: ${text}`);
  if (fallback) context.out(`there is no ${agent}.policy: default.policy decides`);
}

/** A name with dots stands for a nested fact, as in filters and policies. @throws Problem `usage` */
function parseFacts(terms: readonly string[]): JsonObject {
  return Object.fromEntries(
    terms.map((term) => {
      const [, name, value] = /^([A-Za-z0-9_:.-]{1,200})=(.*)$/s.exec(term) ?? [];
      if (name === undefined || value === undefined) {
        throw new Problem('usage', `“${term}” is not a valid fact`, 'write name=value');
      }
      return [name, value];
    }),
  );
}
