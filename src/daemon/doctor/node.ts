import { readRevocations } from '../../ca/revocation/revocations.ts';
import type { AgentEntry } from '../../core/agent.ts';
import { examineCredentials } from '../../core/credentials/doctor.ts';
import { broken, examine, type Finding, fine } from '../../core/finding.ts';
import { loadNodeConfig, type NodeConfig, truthSources } from '../config/config.ts';
import { runCommand } from '../exec/run-command.ts';
import { startNodeTruth } from '../facts/node-truth.ts';
import { startPolicies } from '../agents/policies.ts';
import { silentLog } from '../system/silent-log.ts';
import { examineClock } from './clock.ts';
import { examineDisk } from './disk.ts';
import { examineNetwork } from './network.ts';

/** Looks at all that a daemon with this configuration needs, whether it runs or not. Changes nothing. */
export async function examineNode(
  configFile: string,
  agents: readonly AgentEntry[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  let config: NodeConfig | undefined;
  const first = await examine('configuration', 'docs/daemon.md explains every key', async () => {
    config = await loadNodeConfig(configFile, agents);
    return fine('configuration', `${configFile} enables ${Object.keys(config.agents).join(', ') || 'no agent'}`);
  });
  if (config === undefined) return first;
  const { findings, state } = await examineCredentials(config.tls, 'node', readRevocations, Date.now());
  const groups = await Promise.all([
    examineClock(config.audit.file, runCommand, signal),
    examineRules(config),
    examineDisk(config),
    examineNetwork(config, state, signal),
    examineAgents(config, agents, signal),
  ]);
  return [...first, ...findings, ...groups.flat()];
}

/** Policies, facts and classes, read as the daemon reads them. */
async function examineRules(config: NodeConfig): Promise<readonly Finding[]> {
  const truth = await startNodeTruth(truthSources(config), runCommand, silentLog);
  const self = async () => ({ name: '', agents: [], classes: truth.classes(), facts: truth.facts() });
  const policies = await startPolicies(config.policies, self, silentLog);
  const wrong = [
    ...policies.warnings().map((what) => broken('policies', what, '“mco-deploy policy check” tells more')),
    ...truth.warnings().map((what) => broken('facts', what, 'mend the file')),
  ];
  return wrong.length > 0
    ? wrong
    : [fine('policies', `those in ${config.policies}, and facts and classes, can be read`)];
}

async function examineAgents(
  config: NodeConfig,
  agents: readonly AgentEntry[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const enabled = agents.filter(({ ddl }) => Object.hasOwn(config.agents, ddl.name));
  const each = enabled.map(async ({ ddl, examine: load }) => {
    if (load === undefined) return [];
    const look = await load();
    return look({ config: (config.agents[ddl.name] ?? {}) as never, run: runCommand, signal });
  });
  return (await Promise.all(each)).flat();
}
