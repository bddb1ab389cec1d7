/** The result for one node. Revisions are empty if no reply gave them. */
export interface NodeChange {
  readonly node: string;
  readonly before: string;
  /** In a dry run: the expected release. */
  readonly after: string;
}

/** Servers of a backend that load balancers keep out of traffic; in a dry run, that they would keep out. */
export interface OutOfTraffic {
  readonly backend: string;
  readonly server: string;
  readonly balancers: readonly string[];
  /** The minimum of usable servers, and the total; undefined if no reply reported it. */
  readonly stay: { readonly available: number; readonly total: number } | undefined;
}

/** A host that a load balancer still sends requests to, through lines outside of the chosen backends or ports. */
export interface StillServing {
  readonly server: string;
  /** `BACKEND/SERVER` */
  readonly lines: readonly string[];
  readonly balancer: string;
}

export interface RunState {
  readonly changes: readonly NodeChange[];
  readonly out: readonly OutOfTraffic[];
  readonly serving: readonly StillServing[];
  /** Nodes that should have been changed and were not. */
  readonly untouched: readonly string[];
  /** True once a call was made that may have changed a node. */
  readonly changed: boolean;
}
