import type { Problem } from '../../core/errors.ts';
import type { HostPlan } from './host-plan.ts';

type Looked = { readonly target: { readonly node: string } } & (
  | { readonly result: HostPlan }
  | { readonly problem: Problem }
);

/** The changes for machines: by host, with every file as it is and as it would be. */
export function planJson(endings: readonly Looked[]): string {
  return JSON.stringify({ hosts: endings.map(hostJson) }, null, 2);
}

function hostJson(ending: Looked): object {
  const host = ending.target.node;
  if ('problem' in ending) {
    const { code, message, hint } = ending.problem;
    return { host, state: 'failed', code, message, hint };
  }
  const { way, others, files, kept, warnings, effect } = ending.result;
  const state = files.length + others.length > 0 ? 'planned' : kept.length > 0 ? 'incomplete' : 'unchanged';
  return { host, way, state, others, files: files.map(fileJson), kept: kept.map(fileJson), effect, warnings };
}

function fileJson({ path, before, after }: HostPlan['files'][number]): object {
  return { path, before: before ?? null, after: after ?? null };
}
