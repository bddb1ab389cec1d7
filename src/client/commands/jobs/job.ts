/** Jobs as nodes report them. */
import type { Outcome } from '../../../core/request/reply.ts';
import type { Agents } from '../../../library/agents.ts';
import type { CommonOptions } from '../../cli/common-options.ts';

export interface JobsOptions extends CommonOptions {
  /** Those of all callers. */
  readonly any?: boolean;
}

/** One node's part in a job. */
export type NodeJob = Agents['jobs']['list']['output']['jobs'][number] & { readonly node: string };

/** With its outcome. */
export type NodeResult = Agents['jobs']['show']['output'] & { readonly node: string };

export function actionFor(name: 'list' | 'show' | 'cancel', { any }: JobsOptions): string {
  return any === true ? `${name}_any` : name;
}

/** For an exit code: running parts count as good so far; cancelled and unknown ones were not completed. */
export function outcomeOf({ state }: Pick<NodeJob, 'state'>): Pick<Outcome, 'outcome'> {
  if (state === 'running' || state === 'ok') return { outcome: 'ok' };
  return { outcome: state === 'refused' ? 'refused' : 'failed' };
}

function isoOrNull(time: number): string | null {
  return time === 0 ? null : new Date(time).toISOString();
}

/** The common values of one job's parts. */
export function headOf({ id, agent, action, caller, run }: NodeJob) {
  return { job: id, agent, action, caller, run };
}

export function nodeJson({ node, state, began, ended }: NodeJob) {
  return { node, state, began: new Date(began).toISOString(), ended: isoOrNull(ended) };
}

export function resultJson(result: NodeResult) {
  const { status, code, message, progress, data, left_out } = result;
  return { ...nodeJson(result), status, code, message, progress, data, left_out };
}
