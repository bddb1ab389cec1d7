/** Runs a playbook as a step of another: its names are separate; the run, its lease and its journal are shared. */
import { refuseSecrets } from '../inputs/call-input.ts';
import { mayChange } from './may-change.ts';
import { bindAllInputs } from '../inputs/input-sources.ts';
import type { Playbook, Step, StepOutcome } from '../model.ts';
import { checkRights } from './plan/rights.ts';
import { failureWithin, renameSteps, runSections } from './sections.ts';
import { findNodes, namesIn } from './plan/find-nodes.ts';
import type { RunContext } from '../context.ts';
import { startRunContext } from './start-context.ts';

/**
 * @param values inputs; null ones are omitted
 * @throws Problem `bad-input`
 */
export async function runUsed(
  playbook: Playbook,
  values: Readonly<Record<string, unknown>>,
  run: RunContext,
  step: Step,
): Promise<StepOutcome> {
  const inputs = await bindAllInputs(playbook, values, run.ports.inputSources ?? { env: {}, defaults: {} });
  const open = Object.entries(inputs).filter(([name]) => playbook.inputs[name]?.sensitive !== true);
  refuseSecrets(Object.fromEntries(open), run.taint, `the playbook ${playbook.name}`);
  const prefix = `${step.id}.`;
  const inner = nestContext(playbook, inputs, run, prefix);
  const { sets, missing } = await findNodes(playbook.nodes, inner, run.allowMissing, prefix);
  inner.setNodes(sets);
  if (missing.length > 0) return { state: 'failed', ran: false, failed: missing };
  await run.journal({ type: 'nodes-found', prefix, sets: namesIn(sets) });
  const denied = run.dryRun ? await checkRights(playbook, inner) : [];
  if (denied.length > 0) return { state: 'failed', ran: false, failed: denied };
  if (!run.dryRun && playbook.nodes.length > 0 && mayChange(playbook)) await inner.lock();
  const parts = {
    steps: renameSteps(playbook.steps, prefix),
    onFailure: renameSteps(playbook.onFailure, prefix),
    always: renameSteps(playbook.always, prefix),
  };
  const { state, failure, reports } = await runSections(parts, inner);
  const ran = reports.some((report) => report.state !== 'skipped' && report.state !== 'not-run');
  return failure === undefined ? { state, ran } : { state: 'failed', ran, failed: failureWithin(failure) };
}

/** The playbook's context with its nodes in it, for use before the run. @throws Problem `bad-input` */
export async function lookAhead(
  playbook: Playbook,
  values: Readonly<Record<string, unknown>>,
  run: RunContext,
  prefix: string,
): Promise<RunContext> {
  const inputs = await bindAllInputs(playbook, values, run.ports.inputSources ?? { env: {}, defaults: {} });
  const inner = nestContext(playbook, inputs, run, prefix);
  inner.setNodes((await findNodes(playbook.nodes, inner, true, prefix)).sets);
  return inner;
}

function nestContext(
  playbook: Playbook,
  inputs: Readonly<Record<string, unknown>>,
  run: RunContext,
  prefix: string,
): RunContext {
  const { runId, time, dryRun, signal, kill, allowMissing, label, resumed, undoes } = run;
  const ids = [...playbook.steps, ...playbook.onFailure, ...playbook.always].map(({ id }) => id);
  const own = startRunContext(playbook, inputs, ids, run.ports, {
    runId,
    time,
    dryRun,
    signal,
    kill,
    allowMissing,
    resumed,
    taint: run.taint,
  });
  return {
    ...own,
    label,
    scope: prefix,
    undoes,
    changes: run.changes,
    sensitiveOutput: run.sensitiveOutput,
    isKnownNode: (name) => own.isKnownNode(name) || run.isKnownNode(name),
    agree: run.agree,
    changed: run.changed,
    markChanged: run.markChanged,
    setStep: (id, seen) => own.setStep(id.slice(prefix.length), seen),
    lock: async () => {
      // The lease of the outer playbook covers the nodes that it passes down.
      await run.lock();
      if (playbook.nodes.length > 0) await own.lock();
    },
  };
}
