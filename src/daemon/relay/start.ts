import type { HeardNode, Log, NodeService, RelayService, TlsState } from '../../core/ports.ts';
import { mdnsSource } from '../../discovery/mdns/source.ts';
import { listenLocally } from '../../transport/relay/local/listen.ts';
import { createPeerDial } from '../../transport/relay/peer-connection.ts';
import type { Policies } from '../agents/policies.ts';
import type { NodeConfig, RelaySettings } from '../config/config.ts';
import { callerLimits, relayLimits } from '../config/limits.ts';
import { simple } from '../metrics/meter.ts';
import type { MetricFamily } from '../metrics/text.ts';
import { startBudget } from './budget.ts';
import { startPeers } from './peers.ts';
import { startPool } from './pool.ts';
import { defineRelay } from './service.ts';
import { startUserRates } from './user-rates.ts';

export interface RelayNeeds {
  readonly config: NodeConfig;
  readonly settings: RelaySettings;
  readonly tls: () => TlsState;
  readonly own: Pick<NodeService, 'key' | 'sealed'>;
  readonly policies: Policies;
  /** The nodes that this node hears by multicast. */
  readonly heard: () => readonly HeardNode[];
  readonly log: Log;
}

export interface Relay {
  readonly service: RelayService;
  readonly families: () => MetricFamily[];
  readonly warnings: () => readonly string[];
  readonly stop: () => void;
}

/** Milliseconds for one address of a peer to connect. */
const dialTimeout = 3000;
/** Milliseconds between two updates of the known nodes. */
const updateInterval = 5000;

/** Makes the node a relay: it connects to its peers in the background. @throws Problem `cannot-listen` */
export async function startRelay({ config, settings, tls, own, policies, heard, log }: RelayNeeds): Promise<Relay> {
  const { identity } = tls().credentials;
  const pool = startPool({ dial: createPeerDial(tls, dialTimeout), most: settings.max_peers, log });
  const budget = startBudget({ requests: settings.max_calls, bytes: settings.max_bytes });
  const counters = { forwarded: 0, withheld: 0 };
  const peers = startPeers({
    settings,
    own: identity.name,
    heard,
    onDropped: pool.forget,
    onListed: () => void look(),
  });
  const look = async () => pool.know(await peers.known());
  await look();
  const timer = setInterval(() => void look(), updateInterval).unref();

  const { interfaces, mdns } = config.discovery;
  const service = defineRelay({
    identity,
    own,
    pool,
    budget,
    limitRate: startUserRates({ user: callerLimits(config), relay: relayLimits(config) }, Date.now),
    policies,
    known: peers.known,
    ...(mdns
      ? {
          ask: (timeout: number, connected: readonly string[]) =>
            mdnsSource({ interfaces, timeout, known: connected, log }),
        }
      : {}),
    count: (what) => {
      counters[what]++;
    },
    now: Date.now,
  });
  const unlisten = settings.socket === false ? () => {} : await listenLocally(settings.socket, service, log);
  return {
    service,
    families: () => relayFamilies({ ...pool.counts(), running: budget.used().requests, ...counters }),
    warnings: peers.warnings,
    stop: () => {
      clearInterval(timer);
      peers.stop();
      unlisten();
      pool.stop();
    },
  };
}

interface RelayNumbers {
  readonly warm: number;
  readonly known: number;
  readonly running: number;
  readonly forwarded: number;
  readonly withheld: number;
}

function relayFamilies({ warm, known, running, forwarded, withheld }: RelayNumbers): MetricFamily[] {
  const passed = 'Requests that were passed on and replied to';
  const kept = 'Requests that were not passed on, or not replied to';
  return [
    simple('mco_deploy_relay_connections_warm', 'Peers that are connected', 'gauge', warm),
    simple('mco_deploy_relay_peers_known', 'Peers that are known', 'gauge', known),
    simple('mco_deploy_relay_requests_running', 'Requests on their way', 'gauge', running),
    simple('mco_deploy_relay_forwarded_total', passed, 'counter', forwarded),
    simple('mco_deploy_relay_withheld_total', kept, 'counter', withheld),
  ];
}
