import type { AuditEntry } from '../../core/audit/show.ts';
import { count, printable, quoteWord } from '../../core/text.ts';
import type { TraceFinding } from '../../library/audit/check-records.ts';

/** The lines about a run. */
export interface Trace {
  readonly run: string;
  /** Whether this machine has the run's journal. */
  readonly journal: boolean;
  readonly entries: readonly AuditEntry[];
  /** Milliseconds that each node's clock was ahead of the caller's. */
  readonly offsets: ReadonlyMap<string, number>;
  readonly findings: readonly TraceFinding[];
  /** Records that are missing, as the nodes themselves reported at the time. */
  readonly unrecorded: readonly TraceFinding[];
  readonly unasked: readonly TraceFinding[];
}

/** The maximum by which a node's clock was ahead of its caller's: it includes the delay of the fastest request. */
export function offsetOf(entries: readonly AuditEntry[]): number {
  const apart = entries.map(({ intent }) => Date.parse(intent.time) - intent.request_time);
  return apart.length === 0 ? 0 : Math.min(...apart);
}

function timeOf({ intent }: AuditEntry, offsets: ReadonlyMap<string, number>): number {
  return Date.parse(intent.time) - (offsets.get(intent.node) ?? 0);
}

/** In the order of the caller's clock. */
export function orderEntries(entries: readonly AuditEntry[], offsets: ReadonlyMap<string, number>): AuditEntry[] {
  return entries.toSorted((a, b) => {
    const apart = timeOf(a, offsets) - timeOf(b, offsets);
    if (apart !== 0) return apart;
    if (a.intent.node !== b.intent.node) return a.intent.node < b.intent.node ? -1 : 1;
    return a.intent.sequence - b.intent.sequence;
  });
}

export function renderTrace(trace: Trace): string[] {
  const { entries, offsets, findings, unrecorded, unasked, journal } = trace;
  const nodes = new Set(entries.map(({ intent }) => intent.node));
  const ahead = [...offsets]
    .filter(([node]) => nodes.has(node))
    .map(([node, ms]) => `${node} ${ms < 0 ? '' : '+'}${ms} ms`);
  const all = `${count(entries.length, 'request')} on ${count(nodes.size, 'node')}`;
  const conclusion = journal
    ? `${all}: every signature is valid, and the journal agrees`
    : `${all}: every signature is valid (this machine has no journal of the run to compare)`;
  const lines = [
    ...entries.map((entry) => renderEntry(entry, offsets)),
    ...(ahead.length === 0 ? [] : [`clocks against the caller's, at most: ${ahead.sort().join(', ')}`]),
    ...unasked.map(({ node, code, message }) => `NOT ASKED ${node}: ${code}: ${message}`),
    ...unrecorded.map(({ node, code, message }) => `NOT RECORDED ${node}: ${code}: ${message}`),
    ...findings.map(({ node, code, message }) => `DISAGREES ${node}: ${code}: ${message}`),
    findings.length === 0 ? conclusion : `${all}: ${count(findings.length, 'disagreement')}`,
  ];
  return lines.map(printable);
}

function renderEntry(entry: AuditEntry, offsets: ReadonlyMap<string, number>): string {
  const { intent, outcome } = entry;
  const time = new Date(timeOf(entry, offsets)).toISOString();
  const ended =
    outcome === undefined ? 'unknown' : `${outcome.outcome}${outcome.code === '' ? '' : ` (${outcome.code})`}`;
  const mode = intent.dry_run ? ' dry run' : '';
  const [node, step, agent, action, caller] = [
    intent.node,
    intent.step,
    intent.agent,
    intent.action,
    intent.caller,
  ].map(quoteWord);
  const call = `${agent}.${action} ${JSON.stringify(intent.arguments)}`;
  return `${time} ${node} ${step} try ${intent.try}${mode} ${call} by ${caller}: ${ended}`;
}

export function traceJson({ run, journal, entries, offsets, findings, unrecorded, unasked }: Trace): object {
  return {
    run,
    journal,
    agrees: findings.length === 0,
    clock_offsets_ms: Object.fromEntries([...offsets].sort(([a], [b]) => (a < b ? -1 : 1))),
    requests: entries.map((entry) => ({ at: new Date(timeOf(entry, offsets)).toISOString(), ...entry })),
    findings,
    unrecorded,
    unasked,
  };
}
