import type { PartlyKnownNode } from '../../../core/policy/certainty.ts';
import type { KnownAgent } from '../../../core/policy/review.ts';

/** The parts of a node's own files that decide its policies. */
export interface PolicyContext {
  /** The directory with AGENT.policy, default.policy and groups. */
  readonly policies: string;
  readonly node: PartlyKnownNode;
}

/** Reads a node's configuration, facts and classes, as the daemon does. */
export type ReadPolicyContext = (configFile: string) => Promise<PolicyContext>;

/** Agents in other languages as a directory of them describes them, and why others there are refused. */
export interface OutsideAgents {
  readonly agents: readonly KnownAgent[];
  readonly refused: readonly string[];
}

/** Without running any of them; none if there is no such directory. */
export type ReadOutsideAgents = (directory: string) => Promise<OutsideAgents>;
