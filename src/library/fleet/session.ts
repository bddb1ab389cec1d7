import { readRevocations } from '../../ca/revocation/revocations.ts';
import { Problem } from '../../core/errors.ts';
import { keepCertificates } from '../../core/credentials/certificate.ts';
import { type LiveCredentials, startCredentials } from '../../core/credentials/live-credentials.ts';
import type { Dial, Log } from '../../core/ports.ts';
import type { DescribeNode } from '../../discovery/attempt.ts';
import { type Cache, openCache } from '../../discovery/cache/cache.ts';
import { type Findings, findNodes } from '../../discovery/directory.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { dialLater } from '../../transport/later.ts';
import type { Caller } from './call-node.ts';
import { type ClientConfig, loadClientConfig } from '../config/config.ts';
import { type Heads, headsFile, openHeads } from './heads.ts';
import { openKeyMemory } from '../relays/key-memory.ts';
import { openRelays } from '../relays/open-relays.ts';
import type { Relays } from '../relays/relays.ts';
import { chooseSource } from './sources.ts';
import { chooseSubset } from './subsets.ts';
import type { TargetOptions } from './targets.ts';
import type { Environment } from './environment.ts';

/** The operator's credentials, and the means to find and reach nodes. */
export interface Session {
  readonly config: ClientConfig;
  readonly caller: Caller;
  readonly credentials: LiveCredentials;
  readonly cache: Cache;
  /** Finds, proves and filters nodes; their connections stay open until the session is closed. */
  readonly find: (targets: TargetOptions, settings?: FindSettings) => Promise<Findings>;
  /** Closes the connections of found nodes, before the session ends. */
  readonly release: (nodes: readonly FoundNode[]) => void;
  /** The program around it: its environment, signals and progress. */
  readonly environment: Environment;
  readonly close: () => Promise<void>;
}

export interface FindSettings {
  /** Ends the search, in addition to the environment’s own. */
  readonly signal?: AbortSignal;
  /** Names of the facts to ask for. */
  readonly facts?: readonly string[];
  /** With the DDLs of their agents. */
  readonly full?: boolean;
  /** Whether the nodes will be called (default true). */
  readonly keep?: boolean;
  /** Names of nodes that must exist. */
  readonly expect?: readonly string[];
  /** Sent to each node as soon as it is proven, with the filter in it. */
  readonly ask?: DescribeNode;
  /** Called with each node that matches as soon as it is proven. */
  readonly onNode?: (node: FoundNode) => void;
}

export interface SessionOptions {
  readonly config?: string;
  readonly via?: readonly string[];
}

/** Milliseconds to reach a node directly if no relay has a connection to it. */
const directTimeout = 2000;
/** The certificates of so many nodes are kept: each comes with its node's key and with its reply, and those of others in between. */
const certificatesKept = 8192;

/** @throws Problem when the operator's configuration or certificate cannot be used */
export async function openSession(
  { config: configFile, via = [] }: SessionOptions,
  environment: Environment,
): Promise<Session> {
  const config = await loadClientConfig(configFile, environment.env);
  const log = warningsOnly(environment);
  keepCertificates(certificatesKept);
  const cache = openCache(config.cacheFile, log);
  const heads = openHeads(headsFile(config.stateDirectory), Date.now);
  const live = await openCredentials(config, log);
  const caller = {
    get credentials() {
      return live.current().credentials;
    },
    get trust() {
      return live.current().trust;
    },
    heads,
  };
  const timeout = config.timeout * 1000;
  // A node that no relay reaches usually cannot be reached from here either.
  const direct = dialLater(live.current, Math.min(timeout, directTimeout));
  const memory = openKeyMemory(config.keysFile, () => caller.credentials.key);
  const relays = await openRelays({ config, via, tls: live.current, caller, direct, cache, memory, log });
  const dial = relays?.dial ?? dialLater(live.current, timeout);
  const finding = { config, cache, log, environment, relays, dial, startedAt: Date.now() };
  const open = new Set<FoundNode>();
  return {
    config,
    caller,
    credentials: live,
    cache,
    environment,
    find: async (targets, settings = {}) => {
      const findings = await find(targets, settings, finding);
      for (const node of findings.nodes) open.add(node);
      return limited(findings, targets, finding.startedAt);
    },
    release: (nodes) => {
      for (const node of nodes) {
        node.connection.close();
        open.delete(node);
      }
    },
    close: async () => {
      live.stop();
      for (const { connection } of open) connection.close();
      await Promise.all([relays?.close(), cache.save(), memory.save(), keepHeads(heads, log)]);
    },
  };
}

/** Also checked while the command runs: a node that is revoked in the middle of a run is not called any more. */
async function openCredentials({ tls }: ClientConfig, log: Log): Promise<LiveCredentials> {
  const live = await startCredentials({
    files: tls,
    kind: 'operator',
    readRevocations,
    now: Date.now,
    onReload: () => {},
    onFault: (fault) => log.warn({}, fault),
  });
  for (const warning of live.warnings()) log.warn({}, warning);
  return live;
}

/** The means of a session to find nodes. */
interface Finding {
  readonly config: ClientConfig;
  readonly cache: Cache;
  readonly log: Log;
  readonly environment: Environment;
  readonly relays: Relays | undefined;
  readonly dial: Dial;
  readonly startedAt: number;
}

/** Shows meanwhile which nodes are asked. */
async function find(targets: TargetOptions, settings: FindSettings, finding: Finding): Promise<Findings> {
  const { config, cache, log, environment, relays, dial } = finding;
  const { ask, onNode, signal } = settings;
  const source = chooseSource(
    targets,
    config,
    { cache, log, ...(relays === undefined ? {} : { relays }) },
    environment,
  );
  if (source.name === 'stdin') {
    // In `find … | rpc …`, the first command proves the nodes, and stores their addresses before it ends.
    await environment.list();
    cache.refresh();
  }
  const waiting = environment.waiting();
  const askShown: DescribeNode = (name, connection) => {
    waiting.turn(name, 'answered');
    return (ask as DescribeNode)(name, connection);
  };
  return await findNodes({
    source,
    filter: targets.filter,
    facts: settings.facts ?? [],
    expect: settings.expect ?? [],
    full: settings.full ?? false,
    keep: settings.keep ?? true,
    ...(ask === undefined ? {} : { ask: askShown }),
    ...(onNode === undefined ? {} : { onNode }),
    onTurn: waiting.turn,
    cache,
    dial,
    recall: relays?.recall,
    concurrency: config.concurrency,
    timeout: (targets.timeout ?? config.timeout) * 1000,
    now: Date.now,
    log,
    signal: signal === undefined ? environment.signal : AbortSignal.any([environment.signal, signal]),
  }).finally(waiting.end);
}

/** The requested number of found nodes: the same ones again for the same seed. */
function limited(findings: Findings, { limit, limitSeed }: TargetOptions, startedAt: number): Findings {
  if (limit === undefined) return findings;
  return { ...findings, nodes: chooseSubset(findings.nodes, limit, limitSeed ?? startedAt) };
}

/** Completed work stays done, and its result stands, even if the heads of the logs cannot be stored. */
async function keepHeads(heads: Heads, log: Log): Promise<void> {
  try {
    await heads.save();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    log.warn({}, `the ends of the nodes' audit logs could not be stored: ${error.message}`);
  }
}

/** Warnings of the lower parts go to the person; the rest is for daemons. */
function warningsOnly({ warn }: Environment): Log {
  const say = (_fields: object, message: string) => warn(message);
  return { debug: () => {}, info: () => {}, warn: say, error: say };
}
