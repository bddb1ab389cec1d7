import type { StillServing } from '../../events/run-state.ts';

/** The plan of a run, as far as it is known before its first change. */
export interface RunPlan {
  readonly sets: readonly { readonly name: string; readonly nodes: readonly string[] }[];
  /** Nodes that get another release. Empty if no reply reported the current one. */
  readonly changes: readonly { readonly node: string; readonly before: string; readonly after: string }[];
  /** Hosts that load balancers will still send requests to during their change. */
  readonly serving: readonly StillServing[];
  readonly steps: readonly PlannedStep[];
}

export interface PlannedStep {
  readonly id: string;
  /** Its name for people. */
  readonly name: string;
  readonly title: string;
  /** The nodes that are still to be called; undefined if an expression will return them. */
  readonly nodes: readonly string[] | undefined;
  /** `2`, `1,2,50%`; empty if all are called at once or an expression will return it. */
  readonly batch: string;
  readonly conditional: boolean;
  readonly within: readonly PlannedStep[];
}
