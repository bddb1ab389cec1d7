import { startCrlKeeper } from '../ca/revocation/crl-keeper.ts';
import type { AgentEntry } from '../core/agent.ts';
import type { ServedEvent } from '../core/audit/record.ts';
import type { HeardNode, NodeInfo, NodeView } from '../core/ports.ts';
import type { OpenArtifactPeer } from '../core/publish/holder.ts';
import { configItem } from './config/items.ts';
import type { OpenNode } from './open-node.ts';
import { receivedListFile } from './system/live-keys.ts';

/** Values that change while the daemon runs, read at each question. */
export interface DaemonState {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly agents: () => readonly AgentEntry[];
  readonly warnings: () => readonly string[];
  /** Other nodes that proved themselves to this one. */
  readonly heard: () => readonly HeardNode[];
  readonly reload: () => Promise<void>;
}

/** Milliseconds for one address of another node to connect. */
const dialTimeout = 5000;

/** The node as its agents see it. */
export function defineNodeView(
  { config, keys, identity, truth, policies, counters, audit }: OpenNode,
  { version, startedAt, agents, warnings, heard, reload }: DaemonState,
): NodeView {
  const info = async (): Promise<NodeInfo> => ({
    version,
    startedAt,
    pid: process.pid,
    configFile: config.file,
    agents: agents().map(({ ddl }) => aboutAgent(ddl)),
    counters: counters.values(),
    warnings: warnings(),
  });
  const served = async (event: ServedEvent) => void (await audit.append({ kind: 'served', ...event }, false));
  // Loaded only when an artifact is fetched: other nodes stay as small as they are.
  const openArtifactPeer: OpenArtifactPeer = async (name, address, signal) => {
    const { createArtifactDial } = await import('../transport/artifacts/peer.ts');
    const known = heard()
      .filter((node) => node.name === name)
      .flatMap(({ addresses }) => addresses);
    return await createArtifactDial(keys.current, dialTimeout)(name, [...known, ...address], signal);
  };
  return {
    identity,
    facts: async () => truth.facts(),
    classes: async () => truth.classes(),
    may: policies.allows,
    info,
    audit: { file: config.audit.file, trust: () => keys.current().trust, acknowledge: audit.acknowledge, served },
    openArtifactPeer,
    clockGrace: config.clock_grace * 1000,
    crl: startCrlKeeper(receivedListFile(config.state), keys),
    reload,
    configItem: (item) => configItem(config, item),
  };
}

/** What the daemon reports of an agent that it runs. */
function aboutAgent({
  name,
  version,
  author,
  license,
  description,
  url,
  actions,
}: AgentEntry['ddl']): NodeInfo['agents'][number] {
  const timeout = Math.max(0, ...Object.values(actions).map((action) => action.timeout));
  return { name, version, author, license, description, url, timeout };
}
