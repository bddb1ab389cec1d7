import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import type { AgentEntry, FindExternalAgents } from '../core/agent.ts';
import { explain, Problem } from '../core/errors.ts';
import type { NodeFacts } from '../core/node.ts';
import type { NodeAbout } from '../core/ports.ts';
import { startListening } from '../transport/listen.ts';
import { aboutAgent } from './about.ts';
import { type AuditLimits, type AuditLog, openAuditLog } from './audit-log.ts';
import { startCallMemory } from './call-memory.ts';
import { loadNodeConfig, type NodeConfig } from './config.ts';
import { startCounters } from './counters.ts';
import { startNodeTruth } from './facts.ts';
import { type Keys, startKeys } from './keys.ts';
import { startLog } from './log.ts';
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
  const keys = await startKeys(config, now);
  const identity = keys.current().credentials.identity.name;
  const log = startLog(config.log.level, identity);
  await makeStateDirectory(config.state);

  const truth = await startNodeTruth(config.facts.directory, config.classes, log);
  const self = (): NodeFacts => ({
    name: identity,
    agents: roster.entries().map(({ ddl }) => ddl.name),
    classes: truth.classes(),
    facts: truth.facts(),
  });
  const policies = await startPolicies(config.policies, async () => self(), log);
  const strangers = startStrangerLog(log, now);
  const counters = startCounters(strangers.count);
  const audit = await openAuditLog(config.audit.file, () => keys.current().credentials, now, limitsOf(config));
  await noteLife('started', audit, keys, version);

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
  };
  const { agents: configs, external, state: stateDirectory } = config;
  const roster = await startRoster({ known, configs, external, findExternal, view, stateDirectory, log });

  const stopping = new AbortController();
  const memory = startCallMemory(audit.recent, now);
  const dispatching = { agents: roster.running, concurrency: config.concurrency, stopping: stopping.signal, now, log };
  const running = startRunningCalls();
  const throughPipeline = definePipeline({ config, self, audit, strangers, memory, policies, dispatching });
  let serving = true;
  const service = defineService({
    agents: roster.entries,
    tls: keys.current,
    handle: (call) => running.run(() => throughPipeline(call)),
    memory,
    audit,
    strangers,
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
  const { address: host, port, max_connections: maxConnections } = config.listen;
  const listening = { host, port, maxConnections, tls: keys.current, service, log, onStranger: strangers.note };
  const listener = await startListening(listening);
  presence = await startPresence(config, self, listener.port, log);
  log.info({ port: listener.port, agents: self().agents, version }, 'listening');

  return {
    port: listener.port,
    identity,
    reload: async () => {
      await keys.reload(log);
      listener.reload();
      await Promise.all([noteLife('certificate', audit, keys, version), policies.reload(), truth.reload()]);
      await roster.reload();
      await presence.update();
      log.info({}, 'reloaded');
    },
    stop: async () => {
      serving = false;
      await presence.stop();
      const forced = setTimeout(() => stopping.abort(), grace);
      await Promise.all([listener.stop(grace + 3000), running.ended()]);
      clearTimeout(forced);
      stopping.abort();
      await roster.stop();
      await noteLife('stopped', audit, keys, version).catch((error: unknown) => log.error({}, explain(error)));
      await audit.close();
      log.info({}, 'stopped');
    },
  };
}

function limitsOf({ audit: { max_bytes: maxBytes, max_age: days, keep } }: NodeConfig): AuditLimits {
  return { maxBytes, maxAge: days * 86_400_000, keep };
}

const noneElsewhere: FindExternalAgents = async () => ({ entries: [], refused: [] });

async function noteLife(
  kind: 'started' | 'certificate' | 'stopped',
  audit: AuditLog,
  keys: Keys,
  version: string,
): Promise<void> {
  const certificate = keys.current().credentials.certificate.raw.toString('base64');
  await audit.append({ kind, version, certificate }, true);
}

async function makeStateDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Problem('bad-configuration', `the state directory ${directory} cannot be made: ${explain(cause)}`);
  }
}

/** Starts a node and runs it until SIGTERM or SIGINT; SIGHUP reloads. Signals are heeded from the first moment on. */
export async function serveUntilSignalled(options: DaemonOptions): Promise<void> {
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  let reload: (() => Promise<void>) | undefined;
  let missed = false;
  process.on('SIGHUP', () => {
    if (reload === undefined) missed = true;
    else void reload();
  });
  const daemon = await startDaemon(options);
  reload = daemon.reload;
  if (missed) await daemon.reload();
  await ended;
  await daemon.stop();
}
