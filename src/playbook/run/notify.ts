/** Notifies of a run's start, failure and interruption; a success is notified by a step of the playbook. */
import type { RunContext } from '../context.ts';
import { describeState } from '../events/summary.ts';
import type { RunTracker } from '../events/tracker.ts';
import { decide } from '../expressions/expression.ts';
import type { RunReport, StepReport } from '../events/events.ts';
import { formatEnd, titleOf } from '../events/format.ts';
import type { Playbook } from '../model.ts';
import { repeatsSecret } from '../call/reasons.ts';
import { isDeclined } from './agreement.ts';
import { nextCommand } from './next-command.ts';
import { runSteps } from './run-steps.ts';

/** @returns the result; nothing if nobody is to be notified */
export async function notifyStart({ notices }: Playbook, run: RunContext): Promise<readonly StepReport[]> {
  return (await runSteps(notices.start, aside(run), true)).reports;
}

/** Stores a notice of interruption on a node during the run, in case this program is killed. */
export async function keepNotice({ name, notices }: Playbook, run: RunContext, { state }: RunTracker): Promise<void> {
  const [step] = notices.failure;
  const { keepNotice: keep, operator } = run.ports;
  if (step === undefined || keep === undefined) return;
  if (step.condition !== undefined && !decide(step.condition, run.context())) return;
  run.setFailure('', [], 'interrupted');
  const { nodes, input = {} } = step.body.preview?.(run, step.id) ?? {};
  run.setFailure('', []);
  // A node stores it in plain text, so it contains no secret.
  if (repeatsSecret(input, run.taint)) return;
  const { runId, label } = run;
  const message = () => {
    const result = state();
    return [
      `run ${runId} by ${operator}`,
      `Interrupted: ${titleOf(name, label)}: its client no longer responds`,
      // It does not include what began after it was written.
      ...(result.changed ? ['as it was last known:', ...describeState(result)] : ['it had begun to make changes']),
      nextCommand({ runId }, { changed: true, command: undefined }),
    ].join('\n');
  };
  if (nodes !== undefined && nodes.length > 0) await keep({ runId, nodes, input, message });
}

/** An operator who declined a run knows about it, and a dry run notifies nobody. */
export async function notifyEnd(
  { notices }: Playbook,
  run: RunContext,
  report: RunReport,
): Promise<readonly StepReport[]> {
  const { state, failure, dryRun } = report;
  const declined = failure !== undefined && isDeclined(failure);
  if (dryRun || declined || (state !== 'failed' && state !== 'interrupted')) return [];
  const notice = [`run ${report.runId} by ${run.ports.operator}`, ...formatEnd(report)].join('\n');
  run.setFailure(failure?.step ?? '', failure?.reasons ?? [], notice);
  // It must not be cut short by the signal that interrupted the run.
  const uncut = { ...aside(run), signal: run.kill, undoes: run.undoes ?? run.scope };
  // A full disk, or nodes that no longer store the journal, may be the very reason of the failure.
  const journal: RunContext['journal'] = (entry) => run.journal(entry).catch(() => {});
  const later = { ...uncut, journal };
  return (await runSteps(notices.failure, later, true)).reports;
}

/** A notification does not count as a change that needs a person's yes or the run's lease. */
function aside(run: RunContext): RunContext {
  return { ...run, agree: async () => {}, lock: async () => {} };
}
