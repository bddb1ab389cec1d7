/**
 * Runs a checked playbook: finds the nodes, runs the steps in the order of their needs, then `on_failure` and `always`.
 */
import type { JsonObject } from '../../core/json.ts';
import { explain } from '../../core/errors.ts';
import { attempt } from './attempt.ts';
import { mayChange } from './may-change.ts';
import { digestPlaybook } from '../source/digest.ts';
import type { NodeFailure, RunReport, StepReport } from '../events/events.ts';
import { isDeclined, startAgreement } from './agreement.ts';
import { nextCommand } from './next-command.ts';
import { keepNotice, notifyEnd, notifyStart } from './notify.ts';
import { type RunTracker, startTracker } from '../events/tracker.ts';
import { trackCalls } from '../journal/track-calls.ts';
import { hideSecrets, reasonsToKeep } from '../call/reasons.ts';
import type { Playbook } from '../model.ts';
import type { PlaybookPorts } from '../ports.ts';
import { checkRights } from './plan/rights.ts';
import { runSections } from './sections.ts';
import { findNodes, namesIn } from './plan/find-nodes.ts';
import type { RunContext } from '../context.ts';
import { startRunContext, type RunOptions } from './start-context.ts';

/**
 * @param inputs from bindInputs
 * @returns how it ended; failures are in the report and are not thrown
 */
export async function runPlaybook(
  playbook: Playbook,
  inputs: JsonObject,
  ports: PlaybookPorts,
  options: RunOptions = {},
): Promise<RunReport> {
  const tracker = startTracker();
  // What it says at its end is about the whole run, also if it ends before it repeats a step.
  if (options.resumed !== undefined) trackCalls(options.resumed.history.entries, tracker);
  const watched = watchPorts(ports, tracker);
  const stepIds = [...playbook.steps, ...playbook.onFailure, ...playbook.always].map(({ id }) => id);
  const starts = options.notifyStart === true && options.resumed === undefined;
  const onStart = async (run: RunContext) => {
    await keepNotice(playbook, run, tracker);
    if (starts) await notifyStart(playbook, run);
  };
  const agreement = startAgreement(playbook, watched, tracker, onStart);
  const run: RunContext = {
    ...startRunContext(playbook, inputs, stepIds, watched, options),
    agree: () => agreement.ask(run),
  };
  const header = { runId: run.runId, playbook: playbook.name, label: run.label, dryRun: run.dryRun };
  const begun = await begin(playbook, inputs, run, header, options);
  const ended = begun === undefined ? await runAll(playbook, run) : neverBegun(playbook, begun);
  const report = describeEnd(
    { ...header, ...ended, elapsed: ports.clock() - agreement.startedAt() },
    run,
    tracker,
    options,
  );
  for (const notice of await notifyEnd(playbook, run, report)) report.steps.push(notice);
  const unwritten = await attempt(() => run.journal({ type: 'run-finished', ...endToKeep(report, run) }));
  const whole = unwritten === undefined || report.state === 'failed' ? report : failWith(report, unwritten);
  ports.emit({ type: 'run-finished', report: whole });
  return whole;
}

/** The end of the run, in the form that may be recorded. */
function endToKeep({ state, elapsed, interruption, failure, next, result: { untouched } }: RunReport, run: RunContext) {
  const keep = (reasons: readonly NodeFailure[]) => reasonsToKeep(reasons, run);
  const cause =
    failure?.cause === undefined ? {} : { cause: { ...failure.cause, reasons: keep(failure.cause.reasons) } };
  return {
    state,
    elapsed,
    ...(interruption === undefined ? {} : { interruption }),
    ...(failure === undefined ? {} : { failure: { step: failure.step, reasons: keep(failure.reasons), ...cause } }),
    ...(untouched.length === 0 ? {} : { untouched }),
    ...(next === undefined ? {} : { next }),
  };
}

/** The same ports, with every event recorded. */
function watchPorts(ports: PlaybookPorts, { see }: RunTracker): PlaybookPorts {
  return {
    ...ports,
    emit: (event) => {
      see(event);
      ports.emit(event);
    },
  };
}

/** Without the sensitive inputs that were typed. */
function hiddenCommand({ command }: RunOptions, { taint }: RunContext): string | undefined {
  return command === undefined ? undefined : hideSecrets(command, taint);
}

function describeEnd(
  report: Omit<RunReport, 'result'>,
  run: RunContext,
  tracker: RunTracker,
  options: RunOptions,
): RunReport & { steps: StepReport[] } {
  const result = tracker.state(report.steps);
  const failed = tracker.failed();
  const cause =
    failed === undefined ? {} : { cause: { name: failed.name, title: failed.title, reasons: failed.failed } };
  const failure =
    report.failure === undefined || report.failure.step === '' ? {} : { failure: { ...report.failure, ...cause } };
  const isOver = report.state === 'done' || report.state === 'nothing-to-do' || report.dryRun;
  const changed = result.changed || run.resumed !== undefined;
  const foundNone = report.failure?.reasons.some(({ code }) => code === 'empty-set') ?? false;
  const command = hiddenCommand(options, run);
  const final = failed !== undefined && run.changes.final.has(failed.id);
  const codes = failed?.failed.map(({ code }) => code) ?? [];
  const known = { changed, command, foundNone, final, failed: failed?.next, codes, first: run.ports.beforeNext?.() };
  const next = isOver ? {} : { next: nextCommand(report, known) };
  return { ...report, ...failure, ...interruptionOf(report, run), result, ...next, steps: [...report.steps] };
}

type Ended = Pick<RunReport, 'state' | 'steps' | 'failure'>;

/** Finds the nodes. Returns why the run cannot begin, or undefined. */
async function begin(
  whole: Playbook,
  inputs: JsonObject,
  run: RunContext,
  header: Pick<RunReport, 'runId' | 'playbook' | 'label' | 'dryRun'>,
  { origin }: RunOptions,
): Promise<readonly NodeFailure[] | undefined> {
  const { file, nodes, inputs: declared } = whole;
  const shown = Object.fromEntries(Object.entries(inputs).filter(([name]) => declared[name]?.sensitive !== true));
  let missing: readonly NodeFailure[] = [];
  const failed = await attempt(async () => {
    const { playbook, label, dryRun } = header;
    const { operator } = run.ports;
    const started = {
      playbook,
      label,
      file,
      operator,
      dryRun,
      inputs: shown,
      time: run.time,
      digest: digestPlaybook(whole),
    };
    await run.journal(
      run.resumed === undefined
        ? { type: 'run-started', ...started, ...(origin === undefined ? {} : { origin }) }
        : { type: 'run-resumed', operator },
    );
    run.ports.emit({ type: 'run-started', ...header, inputs: shown });
    const found = await findNodes(nodes, run, run.allowMissing, '');
    missing = found.missing;
    run.setNodes(found.sets);
    const sets = namesIn(found.sets);
    if (missing.length === 0) await run.journal({ type: 'nodes-found', sets });
    run.ports.emit({ type: 'nodes-found', sets });
    if (missing.length === 0 && dryRun) missing = await checkRights(whole, run);
    if (missing.length === 0 && !dryRun && mayChange(whole)) await run.lock();
  });
  if (failed !== undefined) return [failed];
  return missing.length > 0 ? missing : undefined;
}

async function runAll(playbook: Playbook, run: RunContext): Promise<Ended> {
  const { state, finished, reports: steps, failure } = await runSections(playbook, run);
  if (failure !== undefined) return { state: isDeclined(failure) ? 'interrupted' : state, steps, failure };
  return { state: finished && !run.changed() ? 'nothing-to-do' : state, steps };
}

/** The abort reason of the signal is the reason. */
function interruptionOf({ state }: Pick<RunReport, 'state'>, { signal }: RunContext): Pick<RunReport, 'interruption'> {
  if (state !== 'interrupted' || !signal.aborted) return {};
  const reason: unknown = signal.reason;
  return { interruption: typeof reason === 'string' ? reason : explain(reason) };
}

function neverBegun({ steps }: Playbook, reasons: readonly NodeFailure[]): Ended {
  const reports = steps.map(({ id, name, kind, body: { title }, source }): StepReport => {
    const nothing = { ok: [], failed: [], untouched: [], tries: 0, elapsed: 0, lines: [], dryRun: false };
    const internal = source.internal === true;
    return { id, name, internal, title, kind, afterFailure: false, state: 'not-run', ...nothing };
  });
  return { state: 'failed', steps: reports, failure: { step: '', reasons } };
}

function failWith(report: RunReport, reason: NodeFailure): RunReport {
  return { ...report, state: 'failed', failure: { step: '', reasons: [reason] } };
}
