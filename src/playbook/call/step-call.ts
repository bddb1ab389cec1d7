import type { ActionDdl, Ddl } from '../../core/ddl/ddl.ts';
import type { RunContext } from '../context.ts';
import type { Expression } from '../expressions/expression.ts';
import type { Template } from '../expressions/template.ts';
import type { EarlierCall } from '../journal/history.ts';
import type { Step } from '../model.ts';
import type { BatchSize } from '../source/schema.ts';

/** A call step after checking. Times in milliseconds. */
export interface CallPlan {
  readonly agent: string;
  readonly agentDdl: Ddl;
  readonly action: string;
  readonly ddl: ActionDdl;
  readonly title: string;
  readonly input: Template;
  readonly sizes: readonly BatchSize[];
  readonly batchSleep: number;
  readonly tries: number;
  readonly trySleep: number;
  readonly timeout: number | undefined;
  readonly until: Expression | undefined;
  readonly passes: number;
  readonly message: Template | undefined;
  readonly maxFailures: BatchSize;
  readonly limit: number | undefined;
  readonly failover: boolean;
  readonly askOnly: boolean;
  /** Steps whose changes must hold while it calls: they are made again before each batch. */
  readonly reassert: readonly string[];
}

/** Values that stay the same through all batches and tries of a step. */
export interface StepCall {
  readonly plan: CallPlan;
  readonly input: Readonly<Record<string, unknown>>;
  /** The input without sensitive values. */
  readonly shown: Readonly<Record<string, unknown>>;
  readonly requestId: string;
  readonly dryRun: boolean;
  /** In a dry run, after a change that was not made: assertions are reported, and do not fail the step. */
  readonly hypothetical: boolean;
  /** Its history before the run resumed. */
  readonly earlier: ResumedCall | undefined;
  readonly run: RunContext;
  readonly step: Step;
}

/** A call that was made before the run resumed. */
export interface ResumedCall extends EarlierCall {
  /** Whether its step ended well. */
  readonly done: boolean;
}
