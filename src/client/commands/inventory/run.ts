import { newId } from '../../../core/request/seal.ts';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { Problem } from '../../../core/errors.ts';
import { isNodeName } from '../../../core/identity.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import type { FoundNode } from '../../../discovery/findings.ts';
import { callNode } from '../../fleet/call-node.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import type { CliContext } from '../../cli/context.ts';
import { exitFor } from '../../cli/exit-codes.ts';
import { indented, tellMissing } from '../../render/missing.ts';
import { openSession, requireDdl, type Session } from '../../fleet/session.ts';
import { readTargetOptions } from '../../cli/target-options.ts';
import { flattenFacts } from './flatten.ts';

/** What rpcutil's `inventory` gives; its DDL says the same. */
interface Inventory {
  readonly agents: readonly string[];
  readonly classes: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly version: string;
  readonly warnings: readonly string[];
}

/** Tells all about one node: the versions of its agents as it describes itself, the rest by its agent rpcutil. */
export async function runInventory(
  given: string,
  options: CommonOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const name = given.toLowerCase();
  if (!isNodeName(name)) throw new Problem('usage', `“${given.slice(0, 80)}” is no node name`);
  const targets = readTargetOptions(options);
  const session = await openSession(options, context);
  try {
    // Looked for among all, so that a node that doesn't run rpcutil is told from one that isn't there.
    const wanted = { ...targets, filter: { ...targets.filter, identities: [name] } };
    const findings = await session.find(wanted, { expect: [name] });
    const [node] = findings.nodes;
    const outcomes = node === undefined ? [] : [await ask(node, targets.timeout, session, catalogue, context)];
    for (const outcome of outcomes) tell(node as FoundNode, outcome, options, context);
    tellMissing(findings, context);
    return exitFor({ outcomes, broken: findings.broken.length, silent: findings.silent.length });
  } finally {
    await session.close();
  }
}

function ask(
  { name, connection }: FoundNode,
  seconds: number | undefined,
  session: Session,
  catalogue: readonly Ddl[],
  { signal }: CliContext,
): Promise<Outcome> {
  const own = requireDdl(catalogue, 'rpcutil').actions.inventory?.timeout ?? 0;
  const order = { agent: 'rpcutil', action: 'inventory', input: {}, sensitive: [], dryRun: false };
  return callNode(
    connection,
    {
      ...order,
      requestId: newId(),
      try: 1,
      target: name,
      timeToLive: 60_000,
      deadline: 0,
      runId: '',
      step: '',
      lease: '',
      fence: 0,
    },
    session.caller,
    {
      timeout: (seconds ?? own + session.config.timeout) * 1000,
      changes: false,
      onProgress: () => {},
      signal,
    },
  );
}

function tell({ name, description }: FoundNode, outcome: Outcome, { json }: CommonOptions, context: CliContext): void {
  if (outcome.outcome !== 'ok') {
    context.err(`${name}: ${indented(outcome.message)}${outcome.hint === '' ? '' : ` (${outcome.hint})`}`);
    return;
  }
  const told = outcome.data as unknown as Inventory;
  const inventory = {
    node: name,
    version: told.version,
    agents: description.agents.map((agent) => ({ name: agent.name, version: agent.version })).sort(byName),
    classes: [...told.classes].sort(),
    facts: told.facts,
    warnings: told.warnings,
  };
  if (json === true) context.out(JSON.stringify(inventory, null, 2));
  else for (const line of inventoryLines(inventory)) context.out(line);
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

interface Shown extends Omit<Inventory, 'agents'> {
  readonly node: string;
  readonly agents: readonly { readonly name: string; readonly version: string }[];
}

function inventoryLines({ node, version, agents, classes, facts, warnings }: Shown): string[] {
  const section = (heading: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [`  ${heading}:`, ...lines.map((line) => `    ${line}`)];
  return [
    node,
    `  Version: ${version}`,
    ...section(
      'Agents',
      agents.map((agent) => `${agent.name} ${agent.version}`),
    ),
    ...section('Classes', classes),
    ...section(
      'Facts',
      flattenFacts(facts).map(([fact, value]) => `${fact} = ${value}`),
    ),
    ...section('Warnings', warnings),
  ];
}
