/** The events of a run as plain lines for people. Pure: events in, lines out. */
import { count } from '../../core/text.ts';
import type { NodeFailure, RunEvent, RunReport, StepReport } from './events.ts';
import { describeDifference, describeFailure, describeSuccess } from './summary.ts';

/**
 * `short` leaves out internal steps, and uses the names for people; `difference` is for dry runs; `full` is the output
 * of -v.
 */
export type Detail = 'short' | 'difference' | 'full';

const longestReason = 500;

/** The lines of an event; none for events that matter only to a live view or a machine. */
export function formatEvent(event: RunEvent, detail: Detail = 'full'): string[] {
  if (detail !== 'full' && isInternal(event, detail)) return [];
  switch (event.type) {
    case 'nodes-missing':
      return event.nodes.map(({ node, reason }) => `${event.set}: ${node}: ${plain(reason)}`);
    case 'rights-checked':
      return formatRights(event);
    case 'step-planned':
      return event.dryRun ? formatPlan(event) : [];
    case 'step-finished':
      return formatStep(event.report, event.label, detail);
    case 'run-finished':
      return formatEnd(event.report, detail);
    default:
      return [];
  }
}

/** A dry run is printed at its end, one line a node; a failed step is always printed. */
function isInternal(event: RunEvent, detail: Detail): boolean {
  if (event.type === 'step-planned') return true;
  if (event.type === 'rights-checked') return event.denied.length + event.unsure.length === 0;
  if (event.type !== 'step-finished' || event.report.state === 'failed') return false;
  return detail === 'difference' || event.report.internal || event.report.dryRun;
}

/** In a dry run: calls that would be refused. */
function formatRights({ label, asked, denied, unsure }: Extract<RunEvent, { type: 'rights-checked' }>): string[] {
  const good = unsure.length === 0 ? 'you may call everything that the run needs' : 'none is certain to refuse';
  const permission = denied.length === 0 ? good : 'not all of it is allowed';
  const more = unsure.length > 20 ? [`  and ${unsure.length - 20} more`] : [];
  return [
    `[${plain(label)}] rights: ${count(asked, 'node')} asked: ${permission}`,
    ...[...denied, ...unsure.slice(0, 20)].map(formatFailure),
    ...more,
  ];
}

/** In a dry run: which nodes, in which batches. */
function formatPlan({ label, step, title, batches }: Extract<RunEvent, { type: 'step-planned' }>): string[] {
  const where = batches.map((nodes) => nodes.join(', ')).join(' | ');
  const cut = batches.length > 1 ? ` in ${batches.length} batches` : '';
  return [`[${plain(label)}] ${step}: ${title} on ${count(batches.flat().length, 'node')}${cut}: ${where}`];
}

function formatStep(report: StepReport, label: string, detail: Detail): string[] {
  const prefix = `[${plain(label)}] ${detail === 'full' ? report.id : plain(report.name)}:`;
  const lines = report.lines.map((line) => `${prefix} ${plain(line)}`);
  // The reason of a failed run is printed once, at its end.
  const isTheEnd = detail !== 'full' && !report.afterFailure && report.state === 'failed';
  if (report.kind === 'call') return [...formatCall(report, prefix).slice(0, isTheEnd ? 1 : undefined), ...lines];
  if (report.state !== 'failed' || isTheEnd) return lines;
  return [...lines, ...report.failed.map(({ reason }) => `${prefix} failed: ${plain(reason)}`)];
}

function formatCall(report: StepReport, prefix: string): string[] {
  const { title, state, ok, failed, untouched, dryRun } = report;
  const tries = count(report.tries, 'try', 'tries');
  const called = ok.length + failed.filter(({ node }) => node !== '').length;
  const suffix = dryRun ? ', without changing anything' : '';
  const reasons = [...failed.map(formatFailure), ...notCalled(untouched)];
  if (state === 'skipped' || state === 'not-run') return [];
  if (called === 0 && state === 'done') return [];
  if (called > 0 && report.tries === 0 && state === 'done') {
    return [`${prefix} ${title} was done before on ${count(ok.length, 'node')}`, ...reasons];
  }
  if (called === 0) return [`${prefix} ${title} failed`, ...reasons];
  // A failure that the playbook allows.
  const isAllowed = ok.length === 0 && failed.length > 0;
  if (state === 'done' && !isAllowed) {
    return [
      `${prefix} ${title} executed successfully on ${count(ok.length, 'node')} after ${tries}${suffix}`,
      ...reasons,
    ];
  }
  const whole = count(called + untouched.length, 'node');
  const what =
    state === 'interrupted'
      ? `was interrupted, done on ${ok.length} of ${whole}`
      : `failed on ${failed.length} of ${whole}`;
  return [`${prefix} ${title} ${what} after ${tries}`, ...reasons];
}

function formatFailure({ node, code, reason }: NodeFailure): string {
  return node === '' ? `  ${plain(reason)}` : `  ${node}: ${plain(reason)} (${code})`;
}

function notCalled(nodes: readonly string[]): string[] {
  return nodes.length === 0 ? [] : [`  never called: ${nodes.join(', ')}`];
}

/** A playbook without a label has its name as the label of its runs. */
export function titleOf(playbook: string, label: string): string {
  return label === playbook ? playbook : `${playbook} for ${label}`;
}

/** The result of the run, and its duration; after a failure the last line is the next command. */
export function formatEnd(report: RunReport, detail: Detail = 'short'): string[] {
  const took = `in ${(report.elapsed / 1000).toFixed(2)} seconds`;
  const what = titleOf(report.playbook, plain(report.label));
  if (report.state === 'nothing-to-do') return [`Finished ${what} ${took}: nothing was changed`];
  if (report.state === 'done' && report.dryRun) {
    return [...describeDifference(report.result), `Nothing was changed: dry run of ${what} finished ${took}`];
  }
  if (report.state === 'done') return [`Finished ${what} ${took}`, ...describeSuccess(report)];
  const at = report.failure === undefined || report.failure.step === '' ? '' : ` in ${report.failure.step}`;
  const head = report.state === 'interrupted' ? `Interrupted: ${what} ${took}` : `Failed${at}: ${what} ${took}`;
  return [head, ...(detail === 'full' ? formatStates(report) : []), ...describeFailure(report)];
}

/** The steps that were done, failed, or never started. */
function formatStates({ steps }: RunReport): string[] {
  const named = (words: string, chosen: StepReport['state']) => {
    const ids = steps.filter(({ afterFailure, state }) => !afterFailure && state === chosen).map(({ id }) => id);
    return ids.length === 0 ? [] : [`  ${words}: ${ids.join(', ')}`];
  };
  return [
    ...named('done', 'done'),
    ...named('failed', 'failed'),
    ...named('interrupted', 'interrupted'),
    ...named('never started', 'not-run'),
  ];
}

/** Text from others may contain characters that move a terminal’s cursor: control characters become spaces. */
function plain(text: string): string {
  const cut = text.length > longestReason ? `${text.slice(0, longestReason)}…` : text;
  return cut.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
}
