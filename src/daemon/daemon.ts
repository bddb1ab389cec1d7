import type { AgentEntry, FindExternalAgents } from '../core/agent.ts';
import type { Log } from '../core/ports.ts';
import { startListening } from '../transport/listen.ts';
import { startCallMemory } from './calls/call-memory.ts';
import { startCallerLimiter } from './calls/caller-limits.ts';
import { loadNodeConfig } from './config/config.ts';
import { keepFresh } from './facts/node-truth.ts';
import { openNode } from './open-node.ts';
import { remindOf } from './system/live-keys.ts';
import { callerLimits, listenLimits } from './config/limits.ts';
import { startMetrics } from './metrics/start.ts';
import { definePipeline } from './pipeline.ts';
import { absent, type Presence, startPresence } from './system/presence.ts';
import { startRoster } from './agents/roster.ts';
import { startRunningCalls } from './calls/running-calls.ts';
import { defineService } from './service.ts';
import { defineNodeView } from './node-view.ts';

export interface DaemonOptions {
  readonly configFile: string;
  readonly agents: readonly AgentEntry[];
  /** How agents in other languages are found; there are none when it is left out. */
  readonly findExternal?: FindExternalAgents;
  readonly version: string;
}

export interface Daemon {
  readonly port: number;
  readonly identity: string;
  readonly log: Log;
  /** Takes certificates, CRL, policies, facts, classes and agents in other languages anew; what is broken leaves the old in force. */
  readonly reload: () => Promise<void>;
  /** Takes no more calls, lets the running ones end, says goodbye. */
  readonly stop: () => Promise<void>;
}

/** Milliseconds that running calls get to end when the daemon stops. */
const grace = 20_000;

/** Starts a node: ready when this resolves. @throws Problem when it cannot start */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { configFile, agents: known, findExternal = noneElsewhere, version } = options;
  const now = Date.now;
  const startedAt = now();
  const config = await loadNodeConfig(configFile, known);
  let onKeys = () => {};
  const agentNames = () => roster.entries().map(({ ddl }) => ddl.name);
  const foundations = await openNode(config, { version, agentNames, onKeys: () => onKeys(), now });
  const { keys, identity, log, truth, self, policies, audit, life, strangers, counters, meter } = foundations;

  // Until the node is on the network: it can be asked as soon as it listens.
  let presence: Presence = absent;
  const warnings = () => [foundations, roster, presence].flatMap((one) => one.warnings());
  const state = { version, startedAt, agents: () => roster.entries(), warnings };
  const { agents: configs, external, state: stateDirectory } = config;
  const view = defineNodeView(foundations, state);
  const roster = await startRoster({ known, configs, external, findExternal, view, stateDirectory, log });

  const stopping = new AbortController();
  const memory = startCallMemory(audit.recent, now);
  const dispatching = { agents: roster.running, concurrency: config.concurrency, stopping: stopping.signal, now, log };
  const running = startRunningCalls();
  const throughPipeline = definePipeline({ config, self, audit, memory, policies, dispatching });
  let serving = true;
  const service = defineService({
    agents: roster.entries,
    tls: keys.current,
    handle: meter.measureCalls((call) => running.run(() => throughPipeline(call))),
    memory,
    audit,
    strangers,
    turnstile: startCallerLimiter(callerLimits(config), now),
    counters,
    describable: async () => ({
      self: self(),
      version,
      agents: roster.entries(),
      published: config.facts.publish,
      peers: presence.heard(),
      warnings: warnings(),
    }),
    isServing: () => serving,
    now,
    log,
  });
  const measures = () => {
    return { version, startedAt, counters: counters.values(), tls: keys.current(), warnings: warnings().length, meter };
  };
  const metrics = config.metrics && (await startMetrics(config.metrics.port, measures));
  const listener = await startListening({
    host: config.listen.address,
    port: config.listen.port,
    limits: listenLimits(config),
    tls: keys.current,
    service,
    log,
    onStranger: strangers.note,
  });
  onKeys = () => {
    listener.reload();
    void life.renewed();
  };
  const endReminder = remindOf(keys.warnings, log);
  presence = await startPresence(config, self, listener.port, log);
  const endRefresh = keepFresh(truth, config.facts.age, () => presence.update());
  log.info({ port: listener.port, agents: self().agents, version }, 'listening');

  return {
    port: listener.port,
    identity,
    log,
    reload: async () => {
      await keys.reload();
      await Promise.all([life.renewed(), policies.reload(), truth.reload()]);
      await roster.reload();
      await presence.update();
      log.info({}, 'reloaded');
    },
    stop: async () => {
      serving = false;
      keys.stop();
      endReminder();
      endRefresh();
      await metrics?.stop();
      await presence.stop();
      const forced = setTimeout(() => stopping.abort(), grace);
      const ended = running.ended();
      await Promise.all([listener.stop(ended, grace + 3000), ended]);
      clearTimeout(forced);
      stopping.abort();
      await roster.stop();
      await life.stopped();
      await audit.close();
      log.info({}, 'stopped');
    },
  };
}

const noneElsewhere: FindExternalAgents = async () => ({ entries: [], refused: [] });
