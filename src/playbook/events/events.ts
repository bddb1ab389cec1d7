import type { JsonObject } from '../../core/json.ts';
import type { RunEndNotice } from '../source/schema.ts';
import type { RunState } from './run-state.ts';

export type StepState = 'done' | 'failed' | 'interrupted' | 'skipped' | 'not-run';

/** A node that did not succeed, and why. */
export interface NodeFailure {
  /** Empty when the step failed by itself, not on a node. */
  readonly node: string;
  /** Stable and short: `no-response`, `policy-denied`, `until-failed`, … */
  readonly code: string;
  readonly reason: string;
}

/** How a step ended. */
export interface StepReport {
  readonly id: string;
  /** Its name for people: its `name`, or its id. */
  readonly name: string;
  /** True for a step that is only shown with -v, unless it fails. */
  readonly internal: boolean;
  /** What it did: `appmgr#upgrade`, `say`, … */
  readonly title: string;
  readonly kind: string;
  /** True for a step of `on_failure` or `always`. */
  readonly afterFailure: boolean;
  readonly state: StepState;
  readonly ok: readonly string[];
  /** Also in a successful step: up to its threshold, or before another node took over. */
  readonly failed: readonly NodeFailure[];
  /** Nodes that should have been called and never were. */
  readonly untouched: readonly string[];
  /** The most tries that any batch took; 0 when nothing was called. */
  readonly tries: number;
  /** Milliseconds. */
  readonly elapsed: number;
  /** Its output: of `say`, `finish`, or what a dry run would do. */
  readonly lines: readonly string[];
  /** True for a dry run of a call. */
  readonly dryRun: boolean;
  /** What a person types next after this failure. */
  readonly next?: string;
  /** Set if it only notifies of the end of the run, as the playbook's `notify` demands. */
  readonly notifies?: RunEndNotice;
}

/** The first failure. */
export interface RunFailure {
  /** Empty when the run failed before its first step. */
  readonly step: string;
  readonly reasons: readonly NodeFailure[];
  /** The step itself, if it is nested in another, under its name for people. */
  readonly cause?: { readonly name: string; readonly title: string; readonly reasons: readonly NodeFailure[] };
}

export interface RunReport {
  readonly runId: string;
  readonly playbook: string;
  readonly label: string;
  readonly dryRun: boolean;
  readonly state: 'done' | 'failed' | 'nothing-to-do' | 'interrupted';
  readonly steps: readonly StepReport[];
  /** Milliseconds. */
  readonly elapsed: number;
  readonly failure?: RunFailure;
  /** The cause of the interruption, in words: `Ctrl-C`, `SIGHUP: the terminal was closed`, … */
  readonly interruption?: string;
  /** The results for nodes and traffic. */
  readonly result: RunState;
  /** The next command, in words, after a failure or an interruption. */
  readonly next?: string;
}

/** The events of a run, as they happen; plain JSON values throughout. */
export type RunEvent =
  | {
      readonly type: 'run-started';
      readonly runId: string;
      readonly playbook: string;
      readonly label: string;
      readonly dryRun: boolean;
      readonly inputs: JsonObject;
    }
  | { readonly type: 'nodes-found'; readonly sets: Readonly<Record<string, readonly string[]>> }
  | { readonly type: 'nodes-missing'; readonly set: string; readonly nodes: readonly NodeFailure[] }
  | {
      readonly type: 'rights-checked';
      readonly label: string;
      readonly asked: number;
      readonly denied: readonly NodeFailure[];
      readonly unsure: readonly NodeFailure[];
    }
  | {
      readonly type: 'step-started';
      readonly step: string;
      readonly name: string;
      readonly title: string;
      readonly kind: string;
    }
  | {
      readonly type: 'step-planned';
      readonly step: string;
      readonly label: string;
      readonly title: string;
      readonly dryRun: boolean;
      readonly batches: readonly (readonly string[])[];
    }
  | {
      readonly type: 'try-started';
      readonly step: string;
      readonly batch: number;
      readonly batches: number;
      readonly try: number;
      readonly tries: number;
      readonly nodes: readonly string[];
      /** Whether the call may change the nodes. */
      readonly changes: boolean;
    }
  | {
      readonly type: 'outcome';
      readonly step: string;
      /** `appmgr#upgrade`, … */
      readonly title: string;
      /** True when the node was only asked for a dry run. */
      readonly dryRun: boolean;
      readonly try: number;
      readonly node: string;
      readonly outcome: string;
      readonly code: string;
      readonly message: string;
      readonly data: JsonObject;
      readonly elapsed: number;
    }
  | {
      readonly type: 'try-failed';
      readonly step: string;
      readonly try: number;
      readonly tries: number;
      readonly failed: readonly NodeFailure[];
      /** Milliseconds until the next. */
      readonly wait: number;
    }
  | { readonly type: 'step-finished'; readonly label: string; readonly report: StepReport }
  | { readonly type: 'run-finished'; readonly report: RunReport };
