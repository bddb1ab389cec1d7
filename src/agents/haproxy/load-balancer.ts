import type { HaproxyConfig } from './config.ts';
import type { EnableWatch } from './maintenance/enable-watch.ts';
import type { MaintenanceWatch } from './maintenance/watch.ts';
import type { Runtime } from './runtime/runtime.ts';

/** What the actions share: the processes of the load balancer and how the agent is configured. */
export interface LoadBalancer {
  readonly runtimes: readonly Runtime[];
  readonly config: HaproxyConfig;
  readonly watch: MaintenanceWatch;
  readonly enableWatch: EnableWatch;
  /** The addresses of hosts when they were last found, by name. */
  readonly seen: Map<string, readonly string[]>;
}
