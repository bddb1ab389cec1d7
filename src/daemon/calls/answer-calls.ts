import { startCallerLimiter } from './caller-limits.ts';
import { startCallMemory } from './call-memory.ts';
import { startRunningCalls } from './running-calls.ts';
import type { Roster } from '../agents/roster.ts';
import { callerLimits, relayLimits } from '../config/limits.ts';
import type { DuplicateNode, NodeService } from '../../core/ports.ts';
import { makeKeyPair } from '../../core/sealed/encryption-key.ts';
import type { Describable } from '../describe.ts';
import type { OpenNode } from '../open-node.ts';
import { definePipeline } from '../pipeline.ts';
import { defineService } from '../service.ts';

/** Replies to calls, from the opened node and its agents. */
export interface CallAnswers {
  readonly service: NodeService;
  /** Of the key that requests over relays are sealed to: no other daemon has it. */
  readonly daemonId: string;
  /** Refuses calls from now on. */
  readonly close: () => void;
  /** Resolves as soon as no call is running. */
  readonly ended: () => Promise<void>;
  /** Cancels running calls. */
  readonly cancel: () => void;
}

/**
 * @param describable the node's description of itself
 * @param duplicates names that two machines prove to have
 */
export function answerCalls(
  node: OpenNode,
  roster: Roster,
  describable: () => Promise<Describable>,
  duplicates: () => readonly DuplicateNode[],
  now: () => number,
): CallAnswers {
  const { config, keys, log, self, policies, audit, strangers, counters, meter } = node;
  const stopping = new AbortController();
  const memory = startCallMemory(audit.recent, now);
  const grace = config.clock_grace * 1000;
  const dispatching = {
    agents: roster.running,
    concurrency: config.concurrency,
    stopping: stopping.signal,
    now,
    grace,
    log,
  };
  const running = startRunningCalls();
  const trust = () => keys.current().trust;
  const parts = { config, self, audit, memory, policies, trust, duplicates, dispatching };
  const handle = definePipeline({ track: running.run, ...parts });
  let serving = true;
  const keyPair = makeKeyPair();
  const service = defineService({
    agents: roster.entries,
    tls: keys.current,
    handle: meter.measureCalls((call) => running.run(() => handle(call))),
    memory,
    audit,
    strangers,
    callerLimiter: startCallerLimiter(callerLimits(config), now),
    relayLimiter: startCallerLimiter(relayLimits(config), now),
    identity: node.identity,
    keyPair,
    grace,
    counters,
    describable,
    isServing: () => serving,
    artifacts: () => [...roster.running.values()].find(({ artifacts }) => artifacts !== undefined)?.artifacts,
    now,
    log,
  });
  return {
    service,
    daemonId: keyPair.id.toString('hex'),
    close: () => {
      serving = false;
    },
    ended: running.ended,
    cancel: () => stopping.abort(),
  };
}
