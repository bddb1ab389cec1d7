/** The steps of an attempt on each node over time, from its journal. */
import type { NodeFailure } from '../../../../playbook/events/events.ts';
import type { JournalEntry } from '../../../../playbook/journal/entries.ts';
import { type Bar, readBars } from './bars.ts';

export interface StepSpan {
  readonly step: string;
  /** Its name for people; its id in journals without names. */
  readonly name: string;
  /** `appmgr#upgrade`, `rolling`, …; empty in journals without it. */
  readonly title: string;
  readonly kind: string;
  readonly afterFailure: boolean;
  readonly state: string;
  readonly begin: number;
  readonly end: number;
  /** Of the steps it needed, the one that ended last. */
  readonly waitedFor: string;
  /** The node that delayed its batches most, and for how long; undefined if none waited. */
  readonly slowest: { readonly node: string; readonly lag: number } | undefined;
  readonly failed: readonly NodeFailure[];
  readonly bars: readonly Bar[];
}

export interface Timeline {
  readonly begin: number;
  readonly end: number;
  readonly steps: readonly StepSpan[];
  /** In the order of their names, numbers in them by their value. */
  readonly nodes: readonly string[];
}

/** @param entries those of one attempt */
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
  return { begin, end, steps, nodes: [...new Set(bars.map(({ node }) => node))].sort(byName) };
}

/** dev2 comes before dev10. */
export function byName(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

type Span = Omit<StepSpan, 'waitedFor' | 'slowest' | 'bars'> & { readonly needs: readonly string[] };

function readSpans(entries: readonly JournalEntry[], end: number): Span[] {
  const spans = new Map<string, Span>();
  for (const entry of entries) {
    if (entry.type !== 'step-started' && entry.type !== 'step-finished') continue;
    const { step, at } = entry;
    const base = { step, name: step, title: '', kind: '', afterFailure: false };
    const before = spans.get(step) ?? { ...base, state: 'begun', begin: at, end, needs: [], failed: [] };
    if (entry.type === 'step-started') {
      const { needs = [], name = step, title = '', kind = '', afterFailure = false } = entry;
      spans.set(step, { ...before, state: 'begun', end, needs, name, title, kind, afterFailure });
    }
    // A skipped step never started.
    else if (entry.state !== 'skipped')
      spans.set(step, { ...before, state: entry.state, end: at, failed: entry.failed ?? [] });
  }
  return [...spans.values()].sort((a, b) => a.begin - b.begin);
}

function lastOf(needs: readonly string[], ends: ReadonlyMap<string, number>): string {
  const known = needs.filter((need) => ends.has(need));
  return known.reduce((last, need) => ((ends.get(need) ?? 0) > (ends.get(last) ?? 0) ? need : last), known[0] ?? '');
}

/** The calls of one try of one batch, the last to end first: nothing follows before that one. */
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
