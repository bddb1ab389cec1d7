import type { NodeFacts } from '../core/node.ts';
import type { DuplicateNode } from '../core/ports.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { type Handle, pipeline } from './call.ts';
import type { RunningCalls } from './calls/running-calls.ts';
import type { CallMemory } from './calls/call-memory.ts';
import type { NodeConfig } from './config/config.ts';
import type { Policies } from './agents/policies.ts';
import { authorize } from './stages/authorize.ts';
import { confine } from './stages/confine.ts';
import { continuity } from './stages/continuity.ts';
import { detach } from './stages/detach.ts';
import { type DispatchOptions, dispatch } from './stages/dispatch.ts';
import { fresh } from './stages/fresh.ts';
import { lease } from './stages/lease.ts';
import { match } from './stages/match.ts';
import { handover } from './stages/handover.ts';
import { record } from './stages/record.ts';
import { sole } from './stages/sole.ts';
import { validate } from './stages/validate.ts';
import { verify } from './stages/verify.ts';

export interface PipelineParts {
  readonly config: NodeConfig;
  readonly self: () => NodeFacts;
  readonly audit: AuditLog;
  readonly memory: CallMemory;
  readonly policies: Policies;
  /** Names that two machines have proven to have. */
  readonly duplicates: () => readonly DuplicateNode[];
  readonly dispatching: DispatchOptions;
  /** Makes the daemon wait for this work when it stops, as it does for calls. */
  readonly track: RunningCalls['run'];
}

/** The stages that every request passes, from the wire to the agent and back. */
export function definePipeline({
  config,
  self,
  audit,
  memory,
  policies,
  duplicates,
  dispatching,
  track,
}: PipelineParts): Handle {
  const { name } = self();
  return pipeline([
    record(audit, policies, dispatching.now),
    verify(),
    continuity(),
    fresh(memory, config.clock_grace * 1000, dispatching.now),
    lease(() => [...dispatching.agents.values()].flatMap(({ leases = [] }) => leases), name),
    match(self),
    authorize(policies, name),
    sole(duplicates, name),
    validate(),
    confine(),
    handover(memory),
    detach({
      keepers: () => [...dispatching.agents.values()].flatMap(({ jobs = [] }) => jobs),
      audit,
      track,
      identity: name,
      log: dispatching.log,
    }),
    dispatch(dispatching),
  ]);
}
