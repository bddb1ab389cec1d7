import type { PartlyKnownNode } from '../../../core/policy/certainty.ts';

/** The parts of a node's own files that decide its policies. */
export interface PolicyContext {
  /** The directory with AGENT.policy, default.policy and groups. */
  readonly policies: string;
  readonly node: PartlyKnownNode;
}

/** Reads a node's configuration, facts and classes, as the daemon does. */
export type ReadPolicyContext = (configFile: string) => Promise<PolicyContext>;
