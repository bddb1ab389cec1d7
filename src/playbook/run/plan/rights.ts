/** Asks every node whether the caller may make the playbook's calls; makes none of them. */
import type { JsonObject } from '../../../core/json.ts';
import type { Outcome } from '../../../core/request/reply.ts';
import { failureOf, silence } from '../../call/reply.ts';
import type { RunContext } from '../../context.ts';
import type { NodeFailure } from '../../events/events.ts';
import type { Playbook } from '../../model.ts';
import { everyStep } from '../../source/walking.ts';

interface RightsReport {
  /** Calls that would be refused, or nodes that do not reply. */
  readonly denied: readonly NodeFailure[];
  /** Calls whose result is unknown, or that are only needed if the run reaches them. */
  readonly unsure: readonly NodeFailure[];
}

const agent = 'rpcutil';
const action = 'may_i';

/** The rights that are needed on a node: certainly, or if an expression returns it. */
interface Needs {
  readonly certain: Set<string>;
  readonly possible: Set<string>;
}

/** @returns the calls that would be refused; these and the uncertain ones are also reported as an event */
export async function checkRights(playbook: Playbook, run: RunContext): Promise<readonly NodeFailure[]> {
  const needs = gatherNeeds(playbook, run);
  const byQuestion = Map.groupBy(needs.keys(), (node) => questionOf(needs.get(node)));
  const outcomes = await Promise.all([...byQuestion].map(([actions, nodes]) => ask(actions, nodes, run)));
  const answers = outcomes.flat().map((outcome) => judge(outcome, needs.get(outcome.node)));
  const denied = answers.flatMap((answer) => answer.denied);
  const unsure = answers.flatMap((answer) => answer.unsure);
  const { label, ports } = run;
  if (needs.size > 0) ports.emit({ type: 'rights-checked', label, asked: needs.size, denied, unsure });
  return denied;
}

function gatherNeeds(playbook: Playbook, run: RunContext): Map<string, Needs> {
  const needs = new Map<string, Needs>();
  const note = (node: string, kind: keyof Needs, call: string) => {
    const known = needs.get(node) ?? { certain: new Set(), possible: new Set() };
    known[kind].add(call);
    needs.set(node, known);
  };
  const nodes = run.allNodes();
  for (const { body } of everyStep(playbook)) {
    if (body.asks === undefined) continue;
    const { agent: called, action: doing, on } = body.asks;
    const call = `${called}.${doing}`;
    for (const node of on === undefined ? [] : (run.nodes(on) ?? [])) note(node, 'certain', call);
    if (on !== undefined) continue;
    for (const { name, agents } of nodes) if (agents.includes(called)) note(name, 'possible', call);
  }
  return needs;
}

function questionOf({ certain, possible }: Needs = { certain: new Set(), possible: new Set() }): string {
  return [...new Set([...certain, ...possible])].sort().slice(0, 100).join(',');
}

async function ask(actions: string, nodes: readonly string[], run: RunContext): Promise<readonly Outcome[]> {
  const { ports, runId, kill } = run;
  const input: JsonObject = { actions };
  const request = { agent, action, requestId: ports.newId(), step: '', try: 1, dryRun: false, nodes };
  await run.journal({ type: 'call', ...request, batch: 1, changes: false, input });
  const replies = await ports.call({ ...request, input, runId }, () => {}, kill);
  const outcomes = nodes.map((node) => replies.find((reply) => reply.node === node) ?? silence(node));
  for (const { node, outcome, status, code, message, data } of outcomes) {
    const common = { step: '', requestId: request.requestId, try: 1, node };
    await run.journal({ type: 'outcome', ...common, outcome, status, code, message, data });
  }
  return outcomes;
}

function judge(outcome: Outcome, needs: Needs | undefined): RightsReport {
  const { node, data } = outcome;
  if (outcome.outcome === 'no-response') return { denied: [failureOf(outcome)], unsure: [] };
  if (outcome.outcome !== 'ok' || !Array.isArray(data.allowed)) {
    const reason = `your rights there cannot be checked: ${outcome.message || 'the node does not support it'}`;
    return { denied: [], unsure: [{ node, code: outcome.code || 'no-answer', reason }] };
  }
  const refused = [...listOf(data.denied, 'policy-denied'), ...listOf(data.unknown, 'unknown-agent')].map(
    ({ call, code }) => {
      const reason = code === 'policy-denied' ? `you may not ${call} there` : `no agent for ${call} runs there`;
      return { call, failure: { node, code, reason } };
    },
  );
  const certain = refused.filter(({ call }) => needs?.certain.has(call) === true);
  const possible = refused.filter((one) => !certain.includes(one));
  const known = new Set([...listOf(data.allowed, ''), ...refused].map(({ call }) => call));
  const unknown = [...(needs?.certain ?? []), ...(needs?.possible ?? [])].filter((call) => !known.has(call));
  return {
    denied: certain.map(({ failure }) => failure),
    unsure: [
      ...possible.map(({ failure }) => failure),
      ...unknown.map((call) => ({
        node,
        code: 'no-answer',
        reason: `it did not report whether you may ${call} there`,
      })),
    ],
  };
}

function listOf(value: unknown, code: string): { call: string; code: string }[] {
  const list: unknown[] = Array.isArray(value) ? value : [];
  return list.flatMap((call) => (typeof call === 'string' ? [{ call, code }] : []));
}
