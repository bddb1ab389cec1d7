/** What a run is going to do, as far as it is known before the run. */
export interface RunPlan {
  readonly sets: readonly { readonly name: string; readonly nodes: readonly string[] }[];
  readonly steps: readonly PlannedStep[];
}

export interface PlannedStep {
  readonly id: string;
  readonly title: string;
  /** How many; undefined where an expression will give them. */
  readonly nodes: number | undefined;
  /** As the file says it: `2`, `1,2,50%`, or an expression. */
  readonly batch: string;
  readonly conditional: boolean;
  readonly within: readonly PlannedStep[];
}
