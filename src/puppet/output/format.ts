/** The output of a script’s run: one line for each resource, in the form of the seed’s. Pure: events in, lines out. */
import { count, printable } from '../../core/text.ts';
import type { NodeFailure, RunEvent, RunReport, StepReport } from '../../playbook/events/events.ts';
import { type Detail, formatEvent } from '../../playbook/events/format.ts';
import { describeDifference, describeFailure, describeSuccess } from '../../playbook/events/summary.ts';
import type { RunLines } from '../../playbook/model.ts';
import type { OrderedResource } from '../catalogue/order.ts';
import { pathOf, stepIdOf } from '../catalogue/path.ts';
import { nameOf } from '../catalogue/resource.ts';

interface KnownStep {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly needs: readonly string[];
}

type Steps = ReadonlyMap<string, KnownStep>;

const nothing: RunLines = { out: [], err: [] };

/** Without -v the reasons of a failure are only in its closing lines, and once. */
export function formatScriptRun(ordered: readonly OrderedResource[]): (event: RunEvent, detail?: Detail) => RunLines {
  const steps: Steps = new Map(
    ordered.map(({ resource, needs }) => [
      stepIdOf(resource),
      { path: pathOf(resource), name: nameOf(resource), type: resource.type, needs: needs.map(stepIdOf) },
    ]),
  );
  return (event, detail = 'full') => {
    const { out, err } = format(event, steps, detail === 'full');
    return { out: out.map(printable), err: err.map(printable) };
  };
}

function format(event: RunEvent, steps: Steps, whole: boolean): RunLines {
  switch (event.type) {
    case 'nodes-missing':
      return { out: [], err: formatEvent(event) };
    case 'rights-checked':
      return { out: formatEvent(event), err: [] };
    case 'step-planned':
      return event.dryRun ? { out: formatEvent({ ...event, label: 'dry run' }), err: [] } : nothing;
    case 'try-failed':
      return formatTry(event, steps);
    case 'step-finished':
      return formatStep(event.report, steps, whole);
    case 'run-finished':
      return formatEnd(event.report, steps);
    default:
      return nothing;
  }
}

/** A failed try gets a line if another follows. */
function formatTry(
  { step, try: number, tries, failed, wait }: Extract<RunEvent, { type: 'try-failed' }>,
  steps: Steps,
): RunLines {
  const seconds = wait === 0 ? '' : `, the next in ${count(wait / 1000, 'second')}`;
  const [first] = failed;
  const why = first === undefined ? '' : `: ${first.node}: ${first.reason}`;
  return {
    out: [],
    err: [
      `${agentOf(step, steps)}: try ${number} of ${tries} failed on ${count(failed.length, 'node')}${seconds}${why}`,
    ],
  };
}

function agentOf(step: string, steps: Steps): string {
  return `${pathIn(step, steps)}/agent`;
}

function pathIn(step: string, steps: Steps): string {
  return steps.get(step)?.path ?? step;
}

function formatStep(report: StepReport, steps: Steps, whole: boolean): RunLines {
  if (report.state === 'skipped' || report.state === 'not-run') return nothing;
  if (report.kind !== 'call') return formatText(report, steps, whole);
  const at = agentOf(report.id, steps);
  const { title, state, ok, failed, tries, lines, dryRun } = report;
  const details = lines.map((line) => `${at}: ${line}`);
  if (state !== 'done') return { out: details, err: formatFailure(report, at).slice(0, whole ? undefined : 1) };
  const nodes = count(ok.length, 'node');
  const suffix = dryRun ? ', without changing anything' : '';
  const done =
    ok.length > 0 && tries === 0
      ? `${at}: ${title} was executed before on ${nodes}`
      : `${at}: ${title} executed successfully on ${nodes} after ${count(tries, 'try', 'tries')}${suffix}`;
  return { out: [...(ok.length > 0 ? [done] : []), ...details], err: failed.map((one) => `${at}: ${describe(one)}`) };
}

function formatFailure({ title, state, ok, failed, untouched, tries }: StepReport, at: string): string[] {
  const [agent] = title.split('#');
  const nodes = failed.filter(({ node }) => node !== '');
  const all = ok.length + nodes.length + untouched.length;
  const verb = state === 'interrupted' ? 'Interrupted' : 'Failed';
  const where = nodes.length === 0 ? '' : `: ${title} on ${nodes.length} of ${count(all, 'node')}`;
  return [
    `${at}: change from notrun to ${agent} failed: ${verb} after ${count(tries, 'try', 'tries')}${where}`,
    ...failed.map((one) => `${at}: ${describe(one)}`),
    ...(untouched.length === 0 ? [] : [`${at}: never called: ${untouched.join(', ')}`]),
  ];
}

function describe({ node, code, reason }: NodeFailure): string {
  return node === '' ? reason : `${node}: ${reason} (${code})`;
}

function formatText({ id, lines, state, failed }: StepReport, steps: Steps, whole: boolean): RunLines {
  const { path = id, type = '' } = steps.get(id) ?? {};
  if (state === 'failed') return { out: [], err: whole ? failed.map((one) => `${path}: ${describe(one)}`) : [] };
  if (type === 'notify') return { out: lines.map((line) => `${path}/message: ${line}`), err: [] };
  return { out: [...lines, 'executed successfully'].map((line) => `${path}/returns: ${line}`), err: [] };
}

/**
 * The resources that never started, why, and how long it took; of a run that failed, what is left and the next command.
 */
function formatEnd(report: RunReport, steps: Steps): RunLines {
  const { state, failure, elapsed, dryRun } = report;
  const unwell = new Set(report.steps.filter(hasFailed).map(({ id }) => id));
  const begun = failure?.step !== '';
  const skipped = report.steps
    .filter((one) => one.state === 'not-run' && begun)
    .flatMap(({ id }) => formatSkipped(id, unwell, steps));
  const took = `in ${(elapsed / 1000).toFixed(2)} seconds`;
  if (state === 'failed' || state === 'interrupted') {
    const end = state === 'interrupted' ? 'Interrupted' : begun ? 'Finished catalog run' : 'Nothing was run:';
    return { out: [], err: [...skipped, `${end} ${took}`, ...describeFailure(report)] };
  }
  if (!dryRun)
    return { out: [`Finished catalog run ${took}`, ...describeSuccess(report).filter(isOutOfTraffic)], err: [] };
  return { out: [...describeDifference(report.result), `Nothing was changed: dry run finished ${took}`], err: [] };
}

/** The seed prints nothing more after a successful run, unless it left something out. */
function isOutOfTraffic(line: string): boolean {
  return line.startsWith('out of traffic');
}

function hasFailed({ state }: StepReport): boolean {
  return state === 'failed' || state === 'interrupted';
}

function formatSkipped(id: string, unwell: ReadonlySet<string>, steps: Steps): string[] {
  const known = steps.get(id);
  if (known === undefined) return [];
  const direct = known.needs.filter((need) => unwell.has(need)).map((need) => steps.get(need)?.name ?? need);
  const waits = direct.map((name) => `${known.path}: Dependency ${name} has failures: true`);
  return [
    ...waits,
    `${known.path}: Skipping because of ${unwell.size === 0 ? 'the interruption' : 'failed dependencies'}`,
  ];
}
