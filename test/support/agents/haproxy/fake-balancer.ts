import type { HaproxyConfig } from '../../../../src/agents/haproxy/config.ts';
import type { LoadBalancer } from '../../../../src/agents/haproxy/load-balancer.ts';
import { maintenanceFile } from '../../../../src/agents/haproxy/maintenance/store.ts';
import { startMaintenanceWatch } from '../../../../src/agents/haproxy/maintenance/watch.ts';
import type { Processes } from '../../../../src/agents/haproxy/runtime/process.ts';
import { silentLog, temporaryDirectory } from '../agent-setup.ts';
import type { FakeHaproxy } from './fake-haproxy.ts';

export interface FakeBalancer extends LoadBalancer {
  /** The file of the held hosts. */
  readonly file: string;
  /** The calls that were to be watched after hosts were put in. */
  readonly arrived: { known: Processes; putInAgain: (signal: AbortSignal) => Promise<readonly string[]> }[];
}

/** The load balancer of the actions in front of fake HAProxy processes; it looks at what is held only when it is asked to. */
export async function fakeBalancer(
  runtimes: readonly FakeHaproxy[],
  more: Partial<HaproxyConfig> = {},
): Promise<FakeBalancer> {
  const stateDirectory = temporaryDirectory();
  const config: HaproxyConfig = {
    ...{ sockets: runtimes.map(({ name }) => name), servers: {}, ports: [], min_available: 1, drain_timeout: 0 },
    ...{ replaced_timeout: 0, replaced_left: 'refuse' as const },
    ...{ enable_timeout: 60, settle: 0.001, watch_interval: 3600, timeout: 1 },
    ...more,
  };
  const arrived: FakeBalancer['arrived'] = [];
  const enableWatch = {
    watch: (known: Processes, putInAgain: (signal: AbortSignal) => Promise<readonly string[]>) => {
      arrived.push({ known, putInAgain });
    },
    stop: async () => {},
  };
  const watch = await startMaintenanceWatch({ runtimes, stateDirectory, log: silentLog, every: config.watch_interval });
  return { runtimes, config, watch, enableWatch, seen: new Map(), file: maintenanceFile(stateDirectory), arrived };
}
