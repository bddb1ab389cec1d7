/** The summary of a run’s journal, for people and machines. */

import { isRunning } from '../../core/files/process-mark.ts';
import type { JsonObject } from '../../core/json.ts';
import type { JournalEntry } from '../../playbook/journal/entries.ts';

export interface RunRecord {
  readonly run: string;
  /** Milliseconds since the epoch: of the first and of the last entry. */
  readonly began: number;
  readonly last: number;
  readonly playbook: string;
  readonly operator: string;
  readonly inputs: JsonObject;
  readonly dryRun: boolean;
  /** `running`; `cut-off`, when its process is gone without an end; else how it ended. */
  readonly state: string;
  /** The line with the next command, if the run ended and named one. */
  readonly next?: string;
  readonly steps: readonly StepRecord[];
}

export interface StepRecord {
  readonly step: string;
  /** `begun` if there is no entry of its end; empty for a repetition on behalf of another step. */
  readonly state: string;
  readonly calls: readonly CallRecord[];
}

/** One node’s part in a call: its latest known state. */
export interface CallRecord {
  readonly node: string;
  readonly agent: string;
  readonly action: string;
  readonly dryRun: boolean;
  /** Whether it may have changed anything. */
  readonly changes: boolean;
  readonly try: number;
  /** `unknown` if no reply was recorded. */
  readonly outcome: string;
  readonly code: string;
  readonly message: string;
  readonly data: JsonObject;
}

type Called = Pick<CallRecord, 'agent' | 'action' | 'dryRun' | 'changes'>;

/**
 * Undefined for a journal without the start of a run.
 * @param isHeld whether nodes keep a lease of the run, if they were asked; a process that has ended on this host holds none for long
 */
export async function recordRun(entries: readonly JournalEntry[], isHeld?: boolean): Promise<RunRecord | undefined> {
  const started = entries.find((entry) => entry.type === 'run-started');
  if (started === undefined) return undefined;
  const { runId: run, at: began, playbook, operator, inputs, dryRun } = started;
  const last = entries.at(-1)?.at ?? began;
  const summary = { run, began, last, playbook, operator, inputs, dryRun };
  const state = await stateOf(entries, isHeld);
  return { ...summary, state, ...nextOf(state, entries), steps: stepsOf(entries) };
}

/** A run that was cut off names none, or one of an earlier end. */
function nextOf(state: string, entries: readonly JournalEntry[]): Pick<RunRecord, 'next'> {
  const end = entries.findLast((entry) => entry.type === 'run-finished');
  return end?.next === undefined || end.state !== state ? {} : { next: end.next };
}

async function stateOf(entries: readonly JournalEntry[], isHeld: boolean | undefined): Promise<string> {
  const last = entries.findLast(({ type }) => type === 'run-finished' || type === 'run-resumed');
  if (last?.type === 'run-finished') return last.state;
  if (isHeld === false) return 'cut-off';
  const process = entries.findLast((entry) => entry.type === 'process');
  if (process === undefined) return isHeld === true ? 'running' : 'cut-off';
  // For some seconds, nodes keep the lease of a client that was killed.
  return (await isRunning(process)) === 'no' ? 'cut-off' : 'running';
}

function stepsOf(entries: readonly JournalEntry[]): StepRecord[] {
  const steps = new Map<string, { state: string; calls: Map<string, CallRecord> }>();
  const requests = new Map<string, { step: string } & Called>();
  const stepOf = (name: string) => {
    const known = steps.get(name) ?? { state: '', calls: new Map() };
    steps.set(name, known);
    return known;
  };
  for (const entry of entries) {
    if (entry.type === 'step-started') stepOf(entry.step).state = 'begun';
    if (entry.type === 'step-finished') stepOf(entry.step).state = entry.state;
    if (entry.type === 'call' && entry.step !== '') {
      const { step, agent, action, dryRun, changes, try: attempt } = entry;
      const called = { agent, action, dryRun, changes };
      requests.set(entry.requestId, { step, ...called });
      const unknown = { ...called, try: attempt, outcome: 'unknown', code: '', message: '', data: {} };
      for (const node of entry.nodes) stepOf(step).calls.set(node, { node, ...unknown });
    }
    if (entry.type === 'outcome') {
      const request = requests.get(entry.requestId);
      if (request === undefined) continue;
      const { step, ...call } = request;
      const { node, try: attempt, outcome, code, message, data } = entry;
      stepOf(step).calls.set(node, { node, ...call, try: attempt, outcome, code, message, data });
    }
  }
  return [...steps].map(([step, { state, calls }]) => ({ step, state, calls: [...calls.values()].sort(byNode) }));
}

function byNode(a: CallRecord, b: CallRecord): number {
  return a.node < b.node ? -1 : 1;
}

/** `cluster=bravo revision=20`; null inputs are omitted. */
export function formatInputs(inputs: JsonObject): string {
  const inputPairs = Object.entries(inputs).filter(([, value]) => value !== null);
  return inputPairs
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
