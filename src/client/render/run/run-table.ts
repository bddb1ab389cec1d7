/**
 * The table at the end of a run: what was done, failed or never touched, what it left out of traffic, and how long each
 * step took.
 */
import { printable } from '../../../core/text.ts';
import type { RunEvent, RunReport, StepReport } from '../../../playbook/events/events.ts';

export interface RunTable {
  /** Records an event. */
  readonly see: (event: RunEvent) => void;
  /** The lines; none if nothing was begun. */
  readonly lines: (report: RunReport) => string[];
}

/** One line: a step, or all rounds of a step within another. */
interface Row {
  readonly step: string;
  readonly state: string;
  /** Whether it called nodes itself; enclosing steps leave the counting to these. */
  readonly calls: boolean;
  readonly ok: number;
  readonly failed: number;
  readonly untouched: number;
  /** Milliseconds. */
  readonly elapsed: number;
}

type Outcome = Extract<RunEvent, { type: 'outcome' }>;

/** Steps without calls and waits are only shown when they fail. */
const quiet = new Set(['set', 'require', 'say', 'finish']);

export function startRunTable(): RunTable {
  const rows = new Map<string, Row>();
  const titles = new Map<string, string>();
  const outcomes = new Map<string, Outcome[]>();
  const out = new Set<string>();
  return {
    see: (event) => {
      if (event.type === 'step-planned') titles.set(event.step, event.title);
      if (event.type === 'outcome') outcomes.set(event.step, [...(outcomes.get(event.step) ?? []), event]);
      if (event.type !== 'step-finished') return;
      const { report } = event;
      const replies = outcomes.get(report.id) ?? [];
      if (!report.dryRun) followTraffic(titles.get(report.id) ?? '', replies, out);
      outcomes.delete(report.id);
      if (isWorthALine(report)) addRow(rows, rowOf(report));
    },
    lines: (report) => {
      const begun = report.failure === undefined || report.failure.step !== '';
      if (report.dryRun || report.state === 'nothing-to-do' || rows.size === 0 || !begun) return [];
      for (const step of report.steps) if (step.state === 'not-run' && !quiet.has(step.kind)) addRow(rows, rowOf(step));
      const left = out.size === 0 ? [] : [`left out of rotation: ${[...out].sort().join(', ')}`];
      return [...format([...rows.values()]), ...left.map(printable)];
    },
  };
}

function isWorthALine({ kind, state }: StepReport): boolean {
  return state !== 'skipped' && (!quiet.has(kind) || state !== 'done');
}

/** The servers that load balancers keep out, by their replies. */
function followTraffic(title: string, outcomes: readonly Outcome[], out: Set<string>): void {
  if (title !== 'haproxy#disable' && title !== 'haproxy#enable') return;
  for (const { node, outcome, data } of outcomes) {
    if (outcome !== 'ok') continue;
    const servers: unknown[] = [data.changed, data.unchanged].flatMap((list) => (Array.isArray(list) ? list : []));
    for (const server of servers) {
      const name = `${String(server)} on ${node}`;
      if (title === 'haproxy#disable') out.add(name);
      else out.delete(name);
    }
  }
}

function rowOf({ id, kind, state, ok, failed, untouched, elapsed }: StepReport): Row {
  const nodes = failed.filter(({ node }) => node !== '').length;
  const step = id.replaceAll(/\[\d+\]/g, '');
  return {
    step,
    state: state === 'not-run' ? 'not started' : state,
    calls: kind === 'call',
    ok: ok.length,
    failed: nodes,
    untouched: untouched.length,
    elapsed,
  };
}

/** Rounds are added up; the state of the last one counts. */
function addRow(rows: Map<string, Row>, row: Row): void {
  const before = rows.get(row.step);
  if (before === undefined) rows.set(row.step, row);
  else
    rows.set(row.step, {
      ...row,
      ok: before.ok + row.ok,
      failed: before.failed + row.failed,
      untouched: before.untouched + row.untouched,
      elapsed: before.elapsed + row.elapsed,
    });
}

function format(rows: readonly Row[]): string[] {
  const cells = [
    ['step', 'state', 'done', 'failed', 'untouched', 'time'],
    ...rows.map(({ step, state, calls, ok, failed, untouched, elapsed }) => [
      printable(step),
      state,
      ...[ok, failed].map((count) => (calls ? String(count) : '')),
      calls || untouched > 0 ? String(untouched) : '',
      `${(elapsed / 1000).toFixed(2)} s`,
    ]),
  ];
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
