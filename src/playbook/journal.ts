import type { JsonObject } from '../core/json.ts';
import type { RunReport, StepState } from './events.ts';

/** What a run writes down before it goes on: enough to know afterwards what was asked of whom, and what came of it. */
export type JournalEntry = { readonly at: number; readonly runId: string } & (
  | {
      readonly type: 'run-started';
      readonly playbook: string;
      readonly file: string;
      readonly operator: string;
      readonly dryRun: boolean;
      /** Sensitive ones are left out. */
      readonly inputs: JsonObject;
    }
  | { readonly type: 'nodes-found'; readonly sets: Readonly<Record<string, readonly string[]>> }
  | { readonly type: 'step-started'; readonly step: string }
  | {
      readonly type: 'call';
      readonly step: string;
      readonly requestId: string;
      readonly try: number;
      readonly batch: number;
      readonly agent: string;
      readonly action: string;
      readonly dryRun: boolean;
      /** Sensitive ones are left out. */
      readonly input: JsonObject;
      readonly nodes: readonly string[];
    }
  | {
      readonly type: 'outcome';
      readonly step: string;
      readonly requestId: string;
      readonly try: number;
      readonly node: string;
      readonly outcome: string;
      readonly status: number;
      readonly code: string;
      readonly message: string;
      readonly data: JsonObject;
      /** SEQUENCE:HASH of the end of the node's audit log, as it vouched for it. */
      readonly auditHead?: string;
    }
  | { readonly type: 'step-finished'; readonly step: string; readonly state: StepState }
  | { readonly type: 'run-finished'; readonly state: RunReport['state'] }
);
