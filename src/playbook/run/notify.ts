/** Notifies of a run's start, failure and interruption; a success is notified by a step of the playbook. */
import type { World } from '../context.ts';
import type { RunReport, StepReport } from '../events/events.ts';
import { formatEnd } from '../events/format.ts';
import type { Playbook } from '../model.ts';
import { isDeclined } from './agreement.ts';
import { runSteps } from './run-steps.ts';

/** @returns how it went; nothing where nobody is to be notified */
export async function notifyStart({ notices }: Playbook, world: World): Promise<readonly StepReport[]> {
  return (await runSteps(notices.start, aside(world), true)).reports;
}

/** Whoever declined a run knows about it, and a dry run is nobody's business. */
export async function notifyEnd(
  { notices }: Playbook,
  world: World,
  report: RunReport,
): Promise<readonly StepReport[]> {
  const { state, failure, dryRun } = report;
  const declined = failure !== undefined && isDeclined(failure);
  if (dryRun || declined || (state !== 'failed' && state !== 'interrupted')) return [];
  const notice = [`run ${report.runId} by ${world.ports.operator}`, ...formatEnd(report)].join('\n');
  world.setFailure(failure?.step ?? '', failure?.reasons ?? [], notice);
  // It must not be cut short by the signal that interrupted the run.
  const later = { ...aside(world), signal: world.kill, undoes: world.undoes ?? world.scope };
  return (await runSteps(notices.failure, later, true)).reports;
}

/** A notification is no change that needs a person's yes or the run's lease. */
function aside(world: World): World {
  return { ...world, agree: async () => {}, lock: async () => {} };
}
