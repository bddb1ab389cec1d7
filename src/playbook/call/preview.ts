import type { RunContext } from '../context.ts';
import type { StepPreview } from '../model.ts';
import { bindCallInput, hideInputs } from '../inputs/call-input.ts';
import type { CallTarget } from './run-call.ts';
import type { CallPlan } from './step-call.ts';

/** The nodes and inputs that a step would use by now; undefined where that depends on something unknown. */
export function previewCall(plan: CallPlan, { nodes: target }: CallTarget, run: RunContext, id: string): StepPreview {
  const input = hideInputs(plan.ddl, bindCallInput(plan.input(run.context()), plan.agentDdl, plan.action, plan.ddl));
  const key = { agent: plan.agent, action: plan.action, dryRun: false, input };
  const tries = run.resumed?.history.callOf(id, key)?.tries;
  const isDone = (node: string) => {
    const last = tries?.get(node)?.at(-1);
    return last?.outcome?.outcome === 'ok' && !last.undone;
  };
  const names: unknown[] = Array.isArray(target) ? target : [];
  const nodes = names.filter((node) => typeof node === 'string' && !isDone(node)) as string[];
  // None at all: the nodes depend on the result of a later step.
  return { nodes: names.length === 0 ? undefined : nodes, input, batch: plan.sizes };
}
