import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import type { HaproxyConfig } from './config.ts';
import { haproxyDdl } from './ddl.ts';
import { disable } from './actions/disable.ts';
import { enableOverReloads } from './actions/enable-over-reloads.ts';
import { startEnableWatch } from './maintenance/enable-watch.ts';
import { startMaintenanceWatch } from './maintenance/watch.ts';
import type { LoadBalancer } from './load-balancer.ts';
import { defineRuntime } from './runtime/runtime.ts';
import { list } from './actions/list.ts';
import { status } from './actions/status.ts';
import { defineChangeMutex } from './runtime/mutex.ts';
import { weigh } from './actions/weight.ts';

/** Serves one load balancer: all the HAProxy processes whose sockets are configured. */
export async function startHaproxy({ config, stateDirectory, log }: AgentSetup<HaproxyConfig>): Promise<Agent> {
  const runtimes = config.sockets.map((socket) => defineRuntime(socket, config.timeout));
  const inTurn = defineChangeMutex();
  const watch = await startMaintenanceWatch({ runtimes, stateDirectory, log, every: config.watch_interval });
  const enableWatch = startEnableWatch({ runtimes, every: config.watch_interval, inTurn, log });
  const balancer: LoadBalancer = { runtimes, config, watch, enableWatch, seen: new Map() };
  return {
    handlers: defineHandlers(haproxyDdl, {
      list: (input, context) => list(balancer, input, context),
      status: (input, context) => status(balancer, input, context),
      disable: (input, context) => inTurn(() => disable(balancer, input, context), context.signal),
      weight: (input, context) => inTurn(async () => ({ ...(await weigh(balancer, input, context)) }), context.signal),
      enable: (input, context) => inTurn(() => enableOverReloads(balancer, input, context), context.signal),
    }),
    stop: async () => {
      await Promise.all([watch.stop(), enableWatch.stop()]);
    },
  };
}
