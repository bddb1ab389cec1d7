import type { AgentEntry, FindExternalAgents } from '../core/agent.ts';
import type { HeardNode, Log } from '../core/ports.ts';
import { type BoundPort, bindPort } from '../transport/bind.ts';
import { type Listener, startListening } from '../transport/listen.ts';
import { type Roster, startRoster } from './agents/roster.ts';
import { answerCalls, type CallAnswers } from './calls/answer-calls.ts';
import { loadNodeConfig, type NodeConfig } from './config/config.ts';
import { listenLimits } from './config/limits.ts';
import { keepFresh } from './facts/node-truth.ts';
import type { MetricsServer } from './metrics/server.ts';
import { startMetrics } from './metrics/start.ts';
import type { MetricFamily } from './metrics/text.ts';
import { type DaemonState, defineNodeView } from './node-view.ts';
import { type OpenNode, openNode } from './open-node.ts';
import type { Relay } from './relay/start.ts';
import { defineReloading, type Reloading } from './reload.ts';
import { partPatience, stopPart } from './stop-part.ts';
import { warnDaily } from './system/live-keys.ts';
import { absent, type Presence, startPresence } from './system/presence.ts';

export interface DaemonOptions {
  readonly configFile: string;
  readonly agents: readonly AgentEntry[];
  /** How agents in other languages are found; none if omitted. */
  readonly findExternal?: FindExternalAgents;
  readonly version: string;
}

export interface Daemon {
  readonly port: number;
  readonly identity: string;
  readonly log: Log;
  /**
   * Reads certificates, CRL, policies, facts, classes and agents in other languages again; a broken file leaves the old
   * version in force.
   */
  readonly reload: () => Promise<void>;
  /** Accepts no more calls, lets the running ones end, says goodbye. */
  readonly stop: () => Promise<void>;
}

/** Milliseconds for running calls to end when the daemon stops. */
const grace = 20_000;
/** Milliseconds for the rest of the audit log to be sent. */
const shipPatience = 2200;

/** Starts a node: ready when this resolves. @throws Problem when it cannot start */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const config = await loadNodeConfig(options.configFile, options.agents);
  // First of all: a second daemon with this configuration must not touch the audit log of the running one.
  const bound = await bindPort({ host: config.listen.address, port: config.listen.port });
  try {
    return await startNode(options, config, bound);
  } catch (problem) {
    bound.close();
    throw problem;
  }
}

async function startNode(options: DaemonOptions, config: NodeConfig, bound: BoundPort): Promise<Daemon> {
  const { agents: known, findExternal = noneElsewhere, version } = options;
  let onKeys = () => {};
  const agentNames = () => roster.entries().map(({ ddl }) => ddl.name);
  let running: () => readonly AgentEntry[] = () => [];
  const knownAgents = () => [...known, ...running()].map(({ ddl }) => ddl);
  const startedAt = Date.now();
  const node = await openNode(config, { version, knownAgents, agentNames, onKeys: () => onKeys(), now: Date.now });
  // Until the node is on the network: it accepts calls as soon as it listens.
  let presence: Presence = absent;
  let relay: Relay | undefined;
  const warnings = () => [node, roster, presence, relay, reloading].flatMap((one) => one?.warnings() ?? []);
  const heard = () => presence.heard();
  const [entries, reload] = [() => roster.entries(), () => reloading.reload()];
  const state = { version, startedAt, agents: entries, warnings, heard, reload };
  const { agents: configs, external, state: stateDirectory } = config;
  const view = defineNodeView(node, state);
  const roster = await startRoster({ known, configs, external, findExternal, view, stateDirectory, log: node.log });
  running = roster.entries;
  for (const remark of node.policies.remarks()) node.log.warn({}, remark);

  const describe = async () => describable(node, state, presence);
  const reloading = startReloading(node, roster, () => presence);
  const calls = answerCalls(node, roster, describe, () => presence.duplicates(), Date.now);
  relay = await startRelayIfAny(node, calls, heard);
  const more = () => [relay, node.shipping].flatMap((one) => one?.families() ?? []);
  const tls = node.keys.current;
  const metrics = config.metrics && (await startMetrics({ ...config.metrics, tls }, () => measures(node, state, more)));
  const listener = await listen(node, bound, calls, relay);
  onKeys = () => {
    listener.reload();
    void node.life.renewed();
  };
  presence = await startPresence(config, node.self, listener.port, node.keys.current, calls.daemonId, node.log);
  const timers = startTimers(node, () => presence.update());
  node.log.info({ port: listener.port, agents: node.self().agents, version }, 'listening');
  const parts = { node, roster, calls, relay, metrics, listener, presence, timers };
  return {
    port: listener.port,
    identity: node.identity,
    log: node.log,
    reload: reloading.reload,
    stop: () => stopDaemon(parts),
  };
}

/** Periodic work. @returns functions that end it */
function startTimers({ config, keys, truth, log }: OpenNode, announce: () => Promise<void>): (() => void)[] {
  const complain = (error: unknown) =>
    log.error({ err: error }, 'facts and classes could not be read again: those in force stay');
  return [warnDaily(keys.warnings, log), keepFresh(truth, config.facts.age, announce, complain)];
}

interface DaemonParts {
  readonly node: OpenNode;
  readonly roster: Roster;
  readonly calls: CallAnswers;
  readonly relay: Relay | undefined;
  readonly metrics: MetricsServer | undefined;
  readonly listener: Listener;
  readonly presence: Presence;
  /** Each function ends a periodic task. */
  readonly timers: readonly (() => void)[];
}

function listen(
  { config, keys, log, strangers }: OpenNode,
  bound: BoundPort,
  { service }: CallAnswers,
  relay: Relay | undefined,
): Promise<Listener> {
  const { address: host, port } = config.listen;
  const limits = listenLimits(config);
  const services = { service, ...(relay === undefined ? {} : { relay: relay.service }) };
  return startListening({ host, port, bound, limits, tls: keys.current, ...services, log, onStranger: strangers.note });
}

/** The code of a relay is loaded only on a relay: other nodes stay as small as they are. */
async function startRelayIfAny(
  { config, keys, policies, log }: OpenNode,
  { service: own }: CallAnswers,
  heard: () => readonly HeardNode[],
): Promise<Relay | undefined> {
  const { relay: settings } = config;
  if (settings === undefined) return undefined;
  const { startRelay } = await import('./relay/start.ts');
  return await startRelay({ config, settings, tls: keys.current, own, policies, heard, log });
}

/** The node's description of itself. */
function describable(
  { config, self, truth }: OpenNode,
  { version, agents, warnings }: DaemonState,
  presence: Presence,
) {
  const { publish: published } = config.facts;
  const [incomplete, duplicates] = [truth.incomplete(), presence.duplicates()];
  const peers = () => presence.heard();
  return { self: self(), version, agents: agents(), published, peers, warnings: warnings(), incomplete, duplicates };
}

/** @param more the relay's, if the node is one */
function measures(
  { counters, keys, meter }: OpenNode,
  { version, startedAt, warnings }: DaemonState,
  more: () => MetricFamily[],
) {
  const [values, tls] = [counters.values(), keys.current()];
  return { version, startedAt, counters: values, tls, warnings: warnings().length, meter, more };
}

/** What SIGHUP reads again, in this order. */
function startReloading(
  { keys, life, policies, truth, log }: OpenNode,
  roster: Roster,
  presence: () => Presence,
): Reloading {
  const parts = [
    { name: 'the certificates', reload: keys.reload },
    { name: 'the record of the certificate', reload: life.renewed },
    { name: 'the policies', reload: policies.reload },
    { name: 'facts and classes', reload: truth.reload },
    { name: 'the agents in other languages', reload: roster.reload },
    { name: 'the announcement', reload: () => presence().update() },
  ];
  return defineReloading(parts, log);
}

async function stopDaemon({
  node,
  roster,
  calls,
  relay,
  metrics,
  listener,
  presence,
  timers,
}: DaemonParts): Promise<void> {
  const { log } = node;
  calls.close();
  node.keys.stop();
  for (const end of timers) end();
  await stopPart('the metrics', () => metrics?.stop(), log);
  relay?.stop();
  await stopPart('multicast', presence.stop, log, partPatience + 500);
  const forced = setTimeout(calls.cancel, grace);
  const ended = calls.ended();
  await stopPart('the calls', () => Promise.all([listener.stop(ended, grace + 3000), ended]), log, grace + 4000);
  clearTimeout(forced);
  calls.cancel();
  await stopPart('the agents', roster.stop, log);
  await node.life.stopped();
  await stopPart('audit.ship', () => node.shipping?.stop(), log, shipPatience);
  await node.audit.close();
  log.info({}, 'stopped');
}

const noneElsewhere: FindExternalAgents = async () => ({ entries: [], refused: [], unsettled: [] });
