import type { NodeFacts } from '../../../core/node.ts';

/** What a node's own files say that its policies are decided by. */
export interface PolicyContext {
  /** The directory with AGENT.policy, default.policy and groups. */
  readonly policies: string;
  readonly node: NodeFacts;
}

/** Reads a node's configuration, facts and classes, as the daemon does. */
export type ReadPolicyContext = (configFile: string) => Promise<PolicyContext>;
