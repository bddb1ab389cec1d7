import { explainErrno, Problem } from '../core/errors.ts';
import { makeDirectories } from '../core/files/durable.ts';
import type { NodeFacts } from '../core/node.ts';
import type { KnownAgent } from '../core/policy/review.ts';
import type { Log } from '../core/ports.ts';
import { type AuditLog, openAuditLog } from './audit/audit-log.ts';
import { auditNotesFile } from './audit/notes.ts';
import { type NodeConfig, truthSources } from './config/config.ts';
import { type Counters, startCounters } from './metrics/counters.ts';
import { runCommand } from './exec/run-command.ts';
import { type NodeTruth, startNodeTruth } from './facts/node-truth.ts';
import { type LiveKeys, startLiveKeys } from './system/live-keys.ts';
import { type Lifecycle, startLifecycle } from './system/lifecycle.ts';
import { auditLimits } from './config/limits.ts';
import { startLog } from './system/log.ts';
import { type Meter, startMeter } from './metrics/meter.ts';
import { type Policies, startPolicies } from './agents/policies.ts';
import type { Shipping } from './shipping/shipping.ts';
import { type StrangerLog, startStrangerLog } from './audit/stranger-log.ts';

/** The foundation of a node, before it runs agents and accepts callers. */
export interface OpenNode {
  readonly config: NodeConfig;
  readonly keys: LiveKeys;
  readonly identity: string;
  readonly log: Log;
  readonly truth: NodeTruth;
  /** The node as filters and policies see it. */
  readonly self: () => NodeFacts;
  readonly policies: Policies;
  readonly audit: AuditLog;
  readonly life: Lifecycle;
  /** Undefined where the log has no receivers. */
  readonly shipping: Shipping | undefined;
  readonly strangers: StrangerLog;
  readonly counters: Counters;
  readonly meter: Meter;
  /** Warnings for an operator. */
  readonly warnings: () => readonly string[];
}

export interface OpenNodeOptions {
  readonly version: string;
  /** All agents that are known here, enabled or not. */
  readonly knownAgents: () => readonly KnownAgent[];
  /** Names of the agents that run. */
  readonly agentNames: () => string[];
  /** Called when the node has other keys, authorities or revocations. */
  readonly onKeys: () => void;
  readonly now: () => number;
}

/**
 * Opens what the configuration names: keys, facts, policies and the audit log, which records the start.
 * @throws Problem when a part of it cannot be opened
 */
export async function openNode(
  config: NodeConfig,
  { version, knownAgents, agentNames, onKeys, now }: OpenNodeOptions,
): Promise<OpenNode> {
  await makeStateDirectory(config.state);
  const keys = await startLiveKeys(config, () => log, now, onKeys);
  const identity = keys.current().credentials.identity.name;
  const log = startLog(config.log.level, identity);
  const truth = await startNodeTruth(truthSources(config), runCommand, log);
  const self = () => ({ name: identity, agents: agentNames(), classes: truth.classes(), facts: truth.facts() });
  const policies = await startPolicies(
    config.policies,
    async () => ({ ...self(), missing: truth.incomplete() }),
    log,
    knownAgents,
  );
  const strangers = startStrangerLog(log, now);
  const meter = startMeter();
  const shipping = await openShippingIfAny(config);
  const audit = meter.watchAudit(
    await openAuditLog(
      config.audit.file,
      () => keys.current().credentials,
      now,
      { ...auditLimits(config), ...(shipping === undefined ? {} : { sent: shipping.sent }) },
      auditNotesFile(config.state),
    ),
  );
  const life = startLifecycle(audit, keys, version, log);
  await life.started();
  shipping?.begin(audit, { tls: keys.current, run: runCommand }, log);
  return {
    config,
    keys,
    identity,
    log,
    truth,
    self,
    policies,
    audit,
    life,
    shipping,
    strangers,
    counters: startCounters(strangers.count),
    meter,
    warnings: () => [keys, policies, truth, audit, shipping].flatMap((one) => one?.warnings() ?? []),
  };
}

/** The code is loaded only if the log has receivers. */
async function openShippingIfAny(config: NodeConfig): Promise<Shipping | undefined> {
  if (Object.keys(config.audit.ship ?? {}).length === 0) return undefined;
  const { openShipping } = await import('./shipping/shipping.ts');
  return await openShipping(config);
}

async function makeStateDirectory(directory: string): Promise<void> {
  try {
    await makeDirectories(directory, 0o700);
  } catch (cause) {
    throw new Problem('bad-configuration', `the state directory ${directory} cannot be made: ${explainErrno(cause)}`);
  }
}
