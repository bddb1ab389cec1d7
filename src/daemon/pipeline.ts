import type { Trust } from '../core/credentials/proof.ts';
import type { NodeFacts } from '../core/node.ts';
import type { DuplicateNode } from '../core/ports.ts';
import type { AuditLog } from './audit/audit-log.ts';
import { type Handle, pipeline } from './incoming-call.ts';
import type { RunningCalls } from './calls/running-calls.ts';
import type { CallMemory } from './calls/call-memory.ts';
import type { NodeConfig } from './config/config.ts';
import type { Policies } from './agents/policies.ts';
import { detach } from './stages/detach.ts';
import { type DispatchOptions, dispatch } from './stages/dispatch.ts';
import { match, validate } from './stages/fits.ts';
import { fresh, handover } from './stages/replay.ts';
import { record } from './stages/record.ts';
import { authorize, confine, continuity, lease, uniqueName, verify } from './stages/authorization.ts';

export interface PipelineParts {
  readonly config: NodeConfig;
  readonly self: () => NodeFacts;
  readonly audit: AuditLog;
  readonly memory: CallMemory;
  readonly policies: Policies;
  /** The CAs and revocations of now. */
  readonly trust: () => Trust;
  /** Names that two machines have proven to have. */
  readonly duplicates: () => readonly DuplicateNode[];
  readonly dispatching: DispatchOptions;
  /** Makes the daemon wait for this work when it stops, as it does for calls. */
  readonly track: RunningCalls['run'];
}

/** The stages of every request, from the wire to the agent and back. Each passes it on or replies to it. */
export function definePipeline({
  config,
  self,
  audit,
  memory,
  policies,
  trust,
  duplicates,
  dispatching,
  track,
}: PipelineParts): Handle {
  const { name } = self();
  const { now, log } = dispatching;
  const running = () => [...dispatching.agents.values()];
  return pipeline([
    // In the audit log before anything is done, and the outcome before the reply.
    record(audit, policies, now),
    // Signed by an operator whose certificate is valid.
    verify(),
    // The audit log was not cut since the caller saw its end.
    continuity(),
    // Not too old, and not received before.
    fresh(memory, config.clock_grace * 1000, now),
    // The lease in the request is still held.
    lease(() => running().flatMap(({ leases = [] }) => leases), name),
    // For this node, which has this agent and action.
    match(self),
    // A policy allows this action to this caller.
    authorize(policies, name, trust, now),
    // No other machine has the name of this node.
    uniqueName(duplicates, name),
    // The input matches the description of the action.
    validate(),
    // For an application of the caller's certificate.
    confine(),
    // Already done by a run that this one took over: the same outcome again.
    handover(memory),
    // Detached: replies now and continues as a job.
    detach({
      keepers: () => running().flatMap(({ jobs = [] }) => jobs),
      audit,
      track,
      identity: name,
      log,
    }),
    // The action itself.
    dispatch(dispatching),
  ]);
}
