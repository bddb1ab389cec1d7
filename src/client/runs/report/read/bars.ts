/** The calls of a journal, one for each node and try, with their outcomes. */
import type { NodeFailure } from '../../../../playbook/events/events.ts';
import type { JournalEntry } from '../../../../playbook/journal/entries.ts';

/** One call of one node, one try. Times in milliseconds since the epoch. */
export interface Bar {
  readonly node: string;
  readonly step: string;
  readonly agent: string;
  readonly action: string;
  readonly dryRun: boolean;
  /** Whether it may have changed the node. */
  readonly changes: boolean;
  readonly batch: number;
  readonly try: number;
  readonly requestId: string;
  readonly begin: number;
  /** The last known outcome, if no reply was recorded. */
  readonly end: number;
  /** `unknown` if no reply was recorded. */
  readonly outcome: string;
  readonly code: string;
  readonly message: string;
  readonly data: unknown;
  /** Why a reply was not good enough for the step. */
  readonly rejection: NodeFailure | undefined;
  /** SEQUENCE:HASH; empty if the node signed none. */
  readonly auditHead: string;
}

/** @param end milliseconds since the epoch: the end of a call without a recorded reply */
export function readBars(entries: readonly JournalEntry[], end: number): Bar[] {
  const bars = new Map<string, Bar>();
  /** By request and node: the key of its last call. */
  const last = new Map<string, string>();
  for (const entry of entries) {
    if (entry.type === 'call' && entry.step !== '') {
      const { step, agent, action, dryRun, changes, batch, requestId, at, nodes, try: number } = entry;
      for (const node of nodes) {
        const unknown = { outcome: 'unknown', code: '', message: '', data: {}, rejection: undefined, auditHead: '' };
        const base = { node, step, agent, action, dryRun, changes, batch, try: number, requestId, begin: at, end };
        const key = `${requestId} ${number} ${node}`;
        bars.set(key, { ...base, ...unknown });
        last.set(`${requestId} ${node}`, key);
      }
    } else if (entry.type === 'outcome') {
      const { outcome, code, message, data, auditHead = '', at } = entry;
      change(bars, `${entry.requestId} ${entry.try} ${entry.node}`, {
        outcome,
        code,
        message,
        data,
        auditHead,
        end: at,
      });
    } else if (entry.type === 'verdict') {
      for (const failure of entry.failed)
        change(bars, last.get(`${entry.requestId} ${failure.node}`) ?? '', { rejection: failure });
    }
  }
  return [...bars.values()];
}

function change(bars: Map<string, Bar>, key: string, what: Partial<Bar>): void {
  const bar = bars.get(key);
  if (bar !== undefined) bars.set(key, { ...bar, ...what });
}

/** Whether the call satisfied its step. */
export function isGood({ outcome, code, rejection }: Bar): boolean {
  return outcome === 'ok' && code === '' && rejection === undefined;
}
