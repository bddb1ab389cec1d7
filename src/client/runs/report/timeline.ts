/** When a run did what on which node, by its journal. */
import type { NodeFailure } from '../../../playbook/events/events.ts';
import type { JournalEntry } from '../../../playbook/journal/entries.ts';

/** One call of one node, one try. Times in milliseconds since the epoch. */
export interface Bar {
  readonly node: string;
  readonly step: string;
  readonly agent: string;
  readonly action: string;
  readonly dryRun: boolean;
  readonly batch: number;
  readonly try: number;
  readonly requestId: string;
  readonly begin: number;
  /** The last that is known, where no reply was written down. */
  readonly end: number;
  /** `unknown` where no reply was written down. */
  readonly outcome: string;
  readonly code: string;
  readonly message: string;
  readonly data: unknown;
  /** SEQUENCE:HASH; empty where the node vouched for none. */
  readonly auditHead: string;
}

export interface StepSpan {
  readonly step: string;
  readonly state: string;
  readonly begin: number;
  readonly end: number;
  /** Of the steps it needed, the one that ended last. */
  readonly waitedFor: string;
  /** The node that the others of its batches waited for longest, and how long; undefined where none waited. */
  readonly slowest: { readonly node: string; readonly lag: number } | undefined;
  readonly failed: readonly NodeFailure[];
  readonly bars: readonly Bar[];
}

export interface Timeline {
  readonly begin: number;
  readonly end: number;
  readonly steps: readonly StepSpan[];
  /** In the order of their names. */
  readonly nodes: readonly string[];
}

export function readTimeline(entries: readonly JournalEntry[]): Timeline {
  const begin = entries[0]?.at ?? 0;
  const end = Math.max(begin, ...entries.slice(-1).map(({ at }) => at));
  const bars = readBars(entries, end);
  const spans = readSpans(entries, end);
  const ends = new Map(spans.map((span) => [span.step, span.end]));
  const byStep = Map.groupBy(bars, ({ step }) => step);
  const steps = spans.map(({ needs, ...span }) => {
    const own = byStep.get(span.step) ?? [];
    return { ...span, waitedFor: lastOf(needs, ends), slowest: findSlowest(own), bars: own };
  });
  return { begin, end, steps, nodes: [...new Set(bars.map(({ node }) => node))].sort() };
}

type Span = Pick<StepSpan, 'step' | 'state' | 'begin' | 'end' | 'failed'> & { readonly needs: readonly string[] };

function readSpans(entries: readonly JournalEntry[], end: number): Span[] {
  const spans = new Map<string, Span>();
  for (const entry of entries) {
    if (entry.type !== 'step-started' && entry.type !== 'step-finished') continue;
    const { step, at } = entry;
    const before = spans.get(step) ?? { step, state: 'begun', begin: at, end, needs: [], failed: [] };
    if (entry.type === 'step-started') spans.set(step, { ...before, state: 'begun', end, needs: entry.needs ?? [] });
    // A step that was passed over never began.
    else if (entry.state !== 'skipped')
      spans.set(step, { ...before, state: entry.state, end: at, failed: entry.failed ?? [] });
  }
  return [...spans.values()].sort((a, b) => a.begin - b.begin);
}

function readBars(entries: readonly JournalEntry[], end: number): Bar[] {
  const bars = new Map<string, Bar>();
  for (const entry of entries) {
    if (entry.type === 'call') {
      const { step, agent, action, dryRun, batch, requestId, at, nodes, try: number } = entry;
      for (const node of nodes) {
        const unknown = { outcome: 'unknown', code: '', message: '', data: {}, auditHead: '' };
        const about = { node, step, agent, action, dryRun, batch, try: number, requestId, begin: at, end };
        bars.set(`${requestId} ${number} ${node}`, { ...about, ...unknown });
      }
    } else if (entry.type === 'outcome') {
      const key = `${entry.requestId} ${entry.try} ${entry.node}`;
      const bar = bars.get(key);
      const { outcome, code, message, data, auditHead = '', at } = entry;
      if (bar !== undefined) bars.set(key, { ...bar, outcome, code, message, data, auditHead, end: at });
    }
  }
  return [...bars.values()];
}

function lastOf(needs: readonly string[], ends: ReadonlyMap<string, number>): string {
  const known = needs.filter((need) => ends.has(need));
  return known.reduce((last, need) => ((ends.get(need) ?? 0) > (ends.get(last) ?? 0) ? need : last), known[0] ?? '');
}

/** The calls of one try of one batch, the last to end first: nothing goes on before that one. */
export function callsTogether(bars: readonly Bar[]): Bar[][] {
  const groups = Map.groupBy(bars, (bar) => `${bar.requestId} ${bar.batch} ${bar.try}`);
  return [...groups.values()].map((together) => together.toSorted((a, b) => b.end - a.end));
}

function findSlowest(bars: readonly Bar[]): StepSpan['slowest'] {
  let slowest: StepSpan['slowest'];
  for (const [last, before] of callsTogether(bars)) {
    if (last === undefined || before === undefined) continue;
    const lag = last.end - before.end;
    if (lag > (slowest?.lag ?? 0)) slowest = { node: last.node, lag };
  }
  return slowest;
}
