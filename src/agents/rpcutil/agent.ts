import { type ActionContext, type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { lookUpFact } from '../../core/filter/fact.ts';
import type { NodeView } from '../../core/ports.ts';
import type { RpcutilConfig } from './config.ts';
import { rpcutilDdl } from './ddl.ts';

export async function startRpcutil({ node }: AgentSetup<RpcutilConfig>): Promise<Agent> {
  const handlers = defineHandlers(rpcutilDdl, {
    ping: async () => ({ pong: Math.floor(Date.now() / 1000) }),

    inventory: async () => {
      const { agents, version, warnings } = await node.info();
      return {
        agents: agents.map(({ name }) => name),
        classes: [...(await node.classes())],
        facts: await node.facts(),
        version,
        warnings: [...warnings],
      };
    },

    get_fact: async ({ fact }) => ({ fact, value: lookUpFact(await node.facts(), fact) ?? null }),

    get_facts: async ({ facts: names }) => {
      const facts = await node.facts();
      return { values: Object.fromEntries(names.split(',').map((name) => [name, lookUpFact(facts, name) ?? null])) };
    },

    collective_info: async () => ({ main_collective: 'mcollective', collectives: ['mcollective'] }),

    get_config_item: async ({ item }) => {
      const value = node.configItem(item);
      if (value === undefined)
        throw new Problem('not-told', `“${item}” is not a configuration item that the node reveals`);
      return { item, value };
    },

    get_data: async ({ source, query }) => {
      const value = await lookUp(node, source, query);
      return { found: value !== undefined, value: value ?? null };
    },

    daemon_stats: () => daemonStats(node),

    may_i: ({ actions }, caller) => answerRights(node, [...new Set(actions.split(','))], caller),

    agent_inventory: async () => ({ agents: (await node.info()).agents.map((agent) => ({ ...agent })) }),
  });
  return { handlers };
}

async function lookUp(node: NodeView, source: 'agent' | 'class' | 'fact', query: string): Promise<unknown> {
  switch (source) {
    case 'agent':
      return (await node.info()).agents.find(({ name }) => name === query);
    case 'class':
      return (await node.classes()).find((name) => name === query);
    case 'fact':
      return lookUpFact(await node.facts(), query);
  }
}

async function daemonStats(node: NodeView) {
  const { pid, version, startedAt, configFile, counters, agents } = await node.info();
  const { user, system } = process.cpuUsage();
  return {
    pid,
    version,
    starttime: Math.floor(startedAt / 1000),
    uptime: Math.floor((Date.now() - startedAt) / 1000),
    memory_bytes: process.memoryUsage.rss(),
    cpu_seconds: (user + system) / 1e6,
    configfile: configFile,
    counters,
    agents: agents.map(({ name }) => name),
  };
}

/** Which of these actions the caller may call here. @param actions as `agent.action` */
async function answerRights(
  node: NodeView,
  actions: readonly string[],
  { caller, limited = false }: Pick<ActionContext, 'caller' | 'limited'>,
) {
  const known = new Set((await node.info()).agents.map(({ name }) => name));
  const answers = await Promise.all(
    actions.map(async (name) => {
      const agent = name.slice(0, name.indexOf('.'));
      if (!known.has(agent)) return { name, right: 'unknown' as const };
      const allowed = await node.may({ caller, agent, action: name.slice(agent.length + 1), limited });
      return { name, right: allowed ? ('allowed' as const) : ('denied' as const) };
    }),
  );
  const namesOf = (kind: 'allowed' | 'denied' | 'unknown') =>
    answers.filter(({ right }) => right === kind).map(({ name }) => name);
  return { allowed: namesOf('allowed'), denied: namesOf('denied'), unknown: namesOf('unknown') };
}
