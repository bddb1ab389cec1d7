import { randomBytes } from 'node:crypto';
import type { RunEvent, RunReport } from '../../../playbook/events/events.ts';
import { type Attributes, type Span, startExport } from './export-spans.ts';
import type { RunWatcher } from './watcher.ts';

/**
 * Sends a run as a trace of OpenTelemetry: a span for the run, for each step in it and for each reply of a node in
 * that. The id of the trace is the run's, unless TRACEPARENT (W3C Trace Context) names the enclosing trace.
 */
export function startTraces(
  runId: string,
  env: Readonly<NodeJS.ProcessEnv>,
  warn: (line: string) => void,
  now: () => number = Date.now,
): RunWatcher {
  const [, parentTrace, parentSpan] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(env.TRACEPARENT ?? '') ?? [];
  const traceId = parentTrace ?? runId;
  const exporting = startExport(env, warn);
  const root = { id: spanId(), begun: now() };
  const steps = new Map<string, { readonly id: string; readonly begun: number }>();
  const add = (span: Omit<Span, 'traceId'>) => exporting.add({ traceId, ...span });

  const onEvent = (event: RunEvent) => {
    if (event.type === 'step-started') steps.set(event.step, { id: spanId(), begun: now() });
    else if (event.type === 'outcome') {
      const { step, title, node, outcome, code, elapsed, try: attempt, dryRun } = event;
      const attributes = { 'server.address': node, 'mco.outcome': outcome, 'mco.try': attempt, 'mco.dry_run': dryRun };
      const parent = steps.get(step)?.id ?? root.id;
      const end = now();
      add({
        id: spanId(),
        parent,
        name: title,
        begun: end - elapsed,
        end,
        attributes,
        ...errorOf(outcome !== 'ok', code),
      });
    } else if (event.type === 'step-finished') {
      const { id, title, kind, state, tries, failed } = event.report;
      const { id: own, begun } = steps.get(id) ?? { id: spanId(), begun: now() - event.report.elapsed };
      const attributes = { 'mco.step': event.report.name, 'mco.kind': kind, 'mco.state': state, 'mco.tries': tries };
      const error = errorOf(state === 'failed' || state === 'interrupted', failed[0]?.code ?? state);
      add({ id: own, parent: root.id, name: title, begun, end: now(), attributes, ...error });
    } else if (event.type === 'run-finished') {
      const { state } = event.report;
      const parent = parentSpan === undefined ? {} : { parent: parentSpan };
      const error = errorOf(
        state === 'failed' || state === 'interrupted',
        event.report.failure?.reasons[0]?.code ?? state,
      );
      const attributes = runAttributes(runId, event.report);
      add({ id: root.id, ...parent, name: event.report.playbook, begun: root.begun, end: now(), attributes, ...error });
    }
  };
  return { see: onEvent, end: exporting.end };
}

function runAttributes(runId: string, { state, dryRun, result }: RunReport): Attributes {
  return { 'mco.run_id': runId, 'mco.state': state, 'mco.dry_run': dryRun, 'mco.changed_nodes': result.changes.length };
}

function errorOf(failed: boolean, code: string): Pick<Span, 'error'> {
  return failed ? { error: code } : {};
}

function spanId(): string {
  return randomBytes(8).toString('hex');
}
