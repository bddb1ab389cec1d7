/** Runs a step that calls nodes: which ones, in which batches, and when it has failed. */
import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import { planBatches, stops } from './batches.ts';
import { bindCallInput, hideInputs, refuseSecrets } from '../inputs/call-input.ts';
import type { NodeFailure } from '../events/events.ts';
import type { Step, StepOutcome } from '../model.ts';
import { noteTraffic } from './holds.ts';
import { tryReassertedBatch } from './reassert.ts';
import { findEarlierCall, isFinal, isSettled } from './resume.ts';
import type { StepReply } from './reply.ts';
import { sleep } from './sleep.ts';
import { toText } from '../expressions/template.ts';
import { type BatchResult, tryBatch } from './attempts.ts';
import type { RunContext } from '../context.ts';
import type { CallPlan, StepCall } from './step-call.ts';

export interface CallTarget {
  /** Names of nodes, unless a fault is found. */
  readonly nodes: unknown;
  /** True for a set, which itself defines how many it needs. */
  readonly mayBeEmpty: boolean;
}

export async function runCall(plan: CallPlan, target: CallTarget, run: RunContext, step: Step): Promise<StepOutcome> {
  const hypothetical = run.dryRun && run.changed();
  const nodes = checkNodes(target.nodes, run);
  if (nodes.length === 0) return callNobody(plan, target.mayBeEmpty || hypothetical);
  const input = bindCallInput(plan.input(run.context()), plan.agentDdl, plan.action, plan.ddl);
  const shown = hideInputs(plan.ddl, input);
  refuseSecrets(shown, run.taint, plan.title);
  const chosen = plan.limit === undefined ? nodes : nodes.slice(0, plan.limit);
  const batches = planBatches(chosen, plan.sizes);
  const { label } = run;
  run.ports.emit({ type: 'step-planned', step: step.id, label, title: plan.title, dryRun: run.dryRun, batches });
  const changes = plan.ddl.kind === 'change' && !plan.askOnly;
  if (changes) await beginChange(run);
  if (changes && run.dryRun && !plan.ddl.dryRun) return passOver(plan);
  // Also before reading: replies must stay true until the change.
  if (plan.ddl.kind === 'change' && !run.dryRun) await run.lock();
  const dryRun = plan.askOnly || (run.dryRun && changes);
  const key = { agent: plan.agent, action: plan.action, dryRun, input: shown };
  const earlier = findEarlierCall(run, step.id, key, plan.ddl);
  const requestId = earlier?.requestId ?? run.ports.newId();
  const call = { plan, input, shown, requestId, dryRun, hypothetical, earlier, run, step };
  const settled = plan.failover
    ? await callWithFailover(call, nodes, chosen.length)
    : await callBatches(call, batches, chosen.length);
  recordChange(call, settled, run);
  if (settled.state === 'failed' && isFinal(call, settled.replies ?? [])) run.changes.final.add(step.id);
  const answers = run.dryRun && dryRun ? describeReplies(settled.replies ?? []) : [];
  return { ...settled, ran: true, dryRun, lines: [...(settled.lines ?? []), ...answers] };
}

/** A person must agree first; in a dry run, later steps know that there would be a change. */
async function beginChange(run: RunContext): Promise<void> {
  if (!run.dryRun) await run.agree();
  run.markChanged();
}

/** For an action that has no dry run. */
function passOver({ title }: CallPlan): StepOutcome {
  return {
    state: 'done',
    ran: false,
    dryRun: true,
    lines: [`${title} cannot show what it would do, and was not called`],
  };
}

/** Records the change for steps that rely on it. */
function recordChange(call: StepCall, { replies = [] }: StepOutcome, { changes }: RunContext): void {
  if (call.plan.ddl.kind !== 'change' || call.dryRun) return;
  noteTraffic(call, replies, call.earlier !== undefined);
  const nodes = replies.filter(({ ok }) => ok).map(({ node }) => node);
  if (nodes.length === 0) return;
  const { plan, requestId } = call;
  changes.repeatable.set(call.step.id, {
    title: plan.title,
    requestId,
    changesTraffic: plan.ddl.traffic !== undefined,
    repeat: (step) => repeatCall(call, nodes, step),
  });
}

async function repeatCall(call: StepCall, nodes: readonly string[], id: string): Promise<BatchResult> {
  const again = { ...call, requestId: call.run.ports.newId(), earlier: undefined, step: { ...call.step, id } };
  const result = await tryBatch(again, nodes, 0, 1);
  noteTraffic({ ...again, step: call.step }, result.replies, false);
  return result;
}

/** Replies of nodes to a change in a dry run. */
function describeReplies(replies: readonly StepReply[]): string[] {
  return replies.flatMap(({ node, ok, data }) => {
    const pairs = Object.entries(data).map(([name, value]) => `${name}=${toText(value)}`);
    return ok && pairs.length > 0 ? [`${node} would answer ${pairs.join(' ')}`] : [];
  });
}

/** @throws Problem `bad-nodes`: a step may only call nodes that discovery found and proved */
function checkNodes(names: unknown, run: RunContext): readonly string[] {
  if (!Array.isArray(names)) throw new Problem('bad-nodes', '“on” must give a list of names of nodes');
  for (const name of names as unknown[]) {
    if (typeof name === 'string' && isNodeName(name) && run.isKnownNode(name)) continue;
    throw new Problem('bad-nodes', `“on” gives ${JSON.stringify(name)}, which is not in a node set of the playbook`);
  }
  return [...new Set(names as string[])];
}

function callNobody({ title }: CallPlan, allowed: boolean): StepOutcome {
  if (allowed) return { state: 'done', ran: false, lines: [`${title}: there is no node to call`] };
  const reason = 'there is no node to call: “on” gives an empty list';
  return { state: 'failed', ran: false, failed: [{ node: '', code: 'no-nodes', reason }] };
}

async function callBatches(call: StepCall, batches: readonly string[][], total: number): Promise<StepOutcome> {
  const { plan, run } = call;
  const settled: BatchResult[] = [];
  let provenOut = false;
  for (const [index, nodes] of batches.entries()) {
    if (index > 0 && plan.batchSleep > 0 && !isSettled(call, nodes)) await sleep(run, plan.batchSleep);
    if (run.signal.aborted) return sum(settled, 'interrupted', batches.slice(index).flat());
    // A proof right after a batch also counts for the next one, if that begins at once.
    const next = plan.batchSleep > 0 ? [] : (batches[index + 1] ?? []);
    const batch = await tryReassertedBatch(call, nodes, { index, batches: batches.length, next, provenOut });
    provenOut = batch.nextProvenOut === true;
    settled.push(batch);
    const left = batches.slice(index + 1).flat();
    if (batch.broken !== undefined)
      return sum(settled, endOf(batch), batch.broken === 'before' ? [...nodes, ...left] : left);
    if (batch.interrupted) return sum(settled, 'interrupted', left);
    if (stops(failuresOf(settled).length, total, plan.maxFailures)) return sum(settled, 'failed', left);
  }
  return sum(settled, 'done', []);
}

/** Calls as many nodes as needed; for each that fails, another one. */
async function callWithFailover(call: StepCall, nodes: readonly string[], needed: number): Promise<StepOutcome> {
  const settled: BatchResult[] = [];
  let spare = nodes;
  let missing = needed;
  while (missing > 0 && spare.length > 0) {
    if (call.run.signal.aborted) return sum(settled, 'interrupted', spare);
    const batch = await tryReassertedBatch(call, spare.slice(0, missing), {
      index: settled.length,
      batches: settled.length + 1,
    });
    settled.push(batch);
    const left = spare.slice(missing);
    if (batch.broken !== undefined) return sum(settled, endOf(batch), batch.broken === 'before' ? spare : left);
    spare = left;
    missing = needed - settled.flatMap(({ replies }) => replies).filter(({ ok }) => ok).length;
    if (batch.interrupted) return sum(settled, 'interrupted', left);
  }
  return sum(settled, missing > 0 ? 'failed' : 'done', []);
}

/** How a step ends when its batch was broken. */
function endOf({ interrupted }: BatchResult): StepOutcome['state'] {
  return interrupted ? 'interrupted' : 'failed';
}

function failuresOf(settled: readonly BatchResult[]): NodeFailure[] {
  return settled.flatMap(({ failures }) => failures);
}

function sum(settled: readonly BatchResult[], state: StepOutcome['state'], untouched: readonly string[]): StepOutcome {
  return {
    state,
    ran: true,
    replies: settled.flatMap(({ replies }) => replies),
    failed: failuresOf(settled),
    untouched,
    tries: Math.max(0, ...settled.map(({ tries }) => tries)),
    lines: settled.flatMap(({ lines }) => lines),
  };
}
