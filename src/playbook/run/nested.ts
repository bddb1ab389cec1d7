/** Runs a playbook as a step of another: its names are its own, the run, its lease and its journal are shared. */
import { refuseSecrets } from '../inputs/call-input.ts';
import { mayChange } from './may-change.ts';
import { bindAllInputs } from '../inputs/input-sources.ts';
import type { Playbook, Step, StepOutcome } from '../model.ts';
import { checkRights } from './rights.ts';
import { failureWithin, renameSteps, runSections } from './sections.ts';
import { findNodes, namesIn } from './find-nodes.ts';
import type { RunContext } from '../context.ts';
import { startRunContext } from './start-context.ts';

/**
 * @param given inputs; those that are null are left out
 * @throws Problem `bad-input`
 */
export async function runUsed(
  playbook: Playbook,
  given: Readonly<Record<string, unknown>>,
  world: RunContext,
  step: Step,
): Promise<StepOutcome> {
  const inputs = await bindAllInputs(playbook, given, world.ports.inputSources ?? { env: {}, defaults: {} });
  const open = Object.entries(inputs).filter(([name]) => playbook.inputs[name]?.sensitive !== true);
  refuseSecrets(Object.fromEntries(open), world.taint, `the playbook ${playbook.name}`);
  const prefix = `${step.id}.`;
  const inner = nestWorld(playbook, inputs, world, prefix);
  const { sets, missing } = await findNodes(playbook.nodes, inner, world.allowMissing, prefix);
  inner.setNodes(sets);
  if (missing.length > 0) return { state: 'failed', ran: false, failed: missing };
  await world.journal({ type: 'nodes-found', prefix, sets: namesIn(sets) });
  const denied = world.dryRun ? await checkRights(playbook, inner) : [];
  if (denied.length > 0) return { state: 'failed', ran: false, failed: denied };
  if (!world.dryRun && playbook.nodes.length > 0 && mayChange(playbook)) await inner.lock();
  const parts = {
    steps: renameSteps(playbook.steps, prefix),
    onFailure: renameSteps(playbook.onFailure, prefix),
    always: renameSteps(playbook.always, prefix),
  };
  const { state, failure, reports } = await runSections(parts, inner);
  const ran = reports.some((report) => report.state !== 'skipped' && report.state !== 'not-run');
  return failure === undefined ? { state, ran } : { state: 'failed', ran, failed: failureWithin(failure) };
}

/** The playbook's world with its nodes in it, for use before the run. @throws Problem `bad-input` */
export async function lookAhead(
  playbook: Playbook,
  given: Readonly<Record<string, unknown>>,
  world: RunContext,
  prefix: string,
): Promise<RunContext> {
  const inputs = await bindAllInputs(playbook, given, world.ports.inputSources ?? { env: {}, defaults: {} });
  const inner = nestWorld(playbook, inputs, world, prefix);
  inner.setNodes((await findNodes(playbook.nodes, inner, true, prefix)).sets);
  return inner;
}

function nestWorld(
  playbook: Playbook,
  inputs: Readonly<Record<string, unknown>>,
  world: RunContext,
  prefix: string,
): RunContext {
  const { runId, time, dryRun, signal, kill, allowMissing, label, resumed, undoes } = world;
  const ids = [...playbook.steps, ...playbook.onFailure, ...playbook.always].map(({ id }) => id);
  const own = startRunContext(playbook, inputs, ids, world.ports, {
    runId,
    time,
    dryRun,
    signal,
    kill,
    allowMissing,
    resumed,
    taint: world.taint,
  });
  return {
    ...own,
    label,
    scope: prefix,
    undoes,
    kept: world.kept,
    discretion: world.discretion,
    isKnownNode: (name) => own.isKnownNode(name) || world.isKnownNode(name),
    agree: world.agree,
    changed: world.changed,
    markChanged: world.markChanged,
    setStep: (id, seen) => own.setStep(id.slice(prefix.length), seen),
    lock: async () => {
      // The lease of the outer playbook covers the nodes that it passes down.
      await world.lock();
      if (playbook.nodes.length > 0) await own.lock();
    },
  };
}
