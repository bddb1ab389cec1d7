import type { StillServing } from '../events/run-state.ts';

/** What a run is going to do, as far as it is known before its first change. */
export interface RunPlan {
  readonly sets: readonly { readonly name: string; readonly nodes: readonly string[] }[];
  /** Nodes that get another release. Empty where no reply said what a node serves now. */
  readonly changes: readonly { readonly node: string; readonly before: string; readonly after: string }[];
  /** Hosts that load balancers will still send requests to while they are changed. */
  readonly serving: readonly StillServing[];
  readonly steps: readonly PlannedStep[];
}

export interface PlannedStep {
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  readonly title: string;
  /** Those that are still to be called; undefined where an expression will give them. */
  readonly nodes: readonly string[] | undefined;
  /** `2`, `1,2,50%`; empty where all are called at once or an expression will give it. */
  readonly batch: string;
  readonly conditional: boolean;
  readonly within: readonly PlannedStep[];
}
