import { mkdir } from 'node:fs/promises';
import { startCrlKeeper } from '../ca/crl-keeper.ts';
import type { AgentEntry, FindExternalAgents } from '../core/agent.ts';
import { explainErrno, Problem } from '../core/errors.ts';
import type { NodeFacts } from '../core/node.ts';
import type { Log, NodeAbout } from '../core/ports.ts';
import { startListening } from '../transport/listen.ts';
import { aboutAgent } from './about.ts';
import { openAuditLog } from './audit-log.ts';
import { startCallMemory } from './call-memory.ts';
import { startTurnstile } from './caller-limits.ts';
import { loadNodeConfig, truthSources } from './config.ts';
import { configItem } from './config-items.ts';
import { startCounters } from './counters.ts';
import { runCommand } from './exec.ts';
import { keepFresh, startNodeTruth } from './facts.ts';
import { broughtList, remindOf, startKeys } from './keys.ts';
import { startLife } from './life.ts';
import { auditLimits, callerLimits, listenLimits } from './limits.ts';
import { startLog } from './log.ts';
import { startMeter } from './metrics/meter.ts';
import { startMetrics } from './metrics/start.ts';
import { definePipeline } from './pipeline.ts';
import { startPolicies } from './policies.ts';
import { absent, type Presence, startPresence } from './presence.ts';
import { startRoster } from './roster.ts';
import { startRunningCalls } from './running-calls.ts';
import { defineService } from './service.ts';
import { startStrangerLog } from './stranger-log.ts';

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
  const config = await loadNodeConfig(configFile, known);
  let onKeys = () => {};
  await makeStateDirectory(config.state);
  const keys = await startKeys(
    config,
    () => log,
    now,
    () => onKeys(),
  );
  const identity = keys.current().credentials.identity.name;
  const log = startLog(config.log.level, identity);

  const truth = await startNodeTruth(truthSources(config), runCommand, log);
  const self = (): NodeFacts => ({
    name: identity,
    agents: roster.entries().map(({ ddl }) => ddl.name),
    classes: truth.classes(),
    facts: truth.facts(),
  });
  const policies = await startPolicies(config.policies, async () => self(), log);
  const strangers = startStrangerLog(log, now);
  const counters = startCounters(strangers.count);
  const meter = startMeter();
  const audit = meter.watchAudit(
    await openAuditLog(config.audit.file, () => keys.current().credentials, now, auditLimits(config)),
  );
  const life = startLife(audit, keys, version, log);
  await life.started();

  // Until the node is on the network: it can be asked as soon as it listens.
  let presence: Presence = absent;
  const startedAt = now();
  const warnings = () => [
    ...keys.warnings(),
    ...policies.warnings(),
    ...truth.warnings(),
    ...roster.warnings(),
    ...presence.warnings(),
    ...audit.warnings(),
  ];
  const about = async (): Promise<NodeAbout> => ({
    version,
    startedAt,
    pid: process.pid,
    configFile: config.file,
    agents: roster.entries().map(({ ddl }) => aboutAgent(ddl)),
    counters: counters.values(),
    warnings: warnings(),
  });
  const auditView = { file: config.audit.file, trust: () => keys.current().trust };
  const view = {
    identity,
    facts: async () => truth.facts(),
    classes: async () => truth.classes(),
    may: policies.allows,
    about,
    audit: auditView,
    crl: startCrlKeeper(broughtList(config.state), keys),
    configItem: (item: string) => configItem(config, item),
  };
  const { agents: configs, external, state: stateDirectory } = config;
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
    turnstile: startTurnstile(callerLimits(config), now),
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
  const { address: host, port } = config.listen;
  const limits = listenLimits(config);
  const listener = await startListening({
    host,
    port,
    limits,
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

async function makeStateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Problem('bad-configuration', `the state directory ${directory} cannot be made: ${explainErrno(cause)}`);
  }
}
