import type { AgentEntry } from '../../core/agent.ts';
import type { NodeFacts } from '../../core/node.ts';
import { loadNodeConfig, truthSources } from '../config/config.ts';
import { runCommand } from '../exec/run-command.ts';
import { startNodeTruth } from '../facts/node-truth.ts';
import { silentLog } from '../system/silent-log.ts';

/**
 * Where a node's policies are and what they are judged by, read as a daemon would read it, for `policy explain`.
 * The name is left out: it stands in a certificate that needs the node's key to be loaded, and no rule asks for it.
 * @throws Problem as {@link loadNodeConfig}
 */
export async function readPolicyContext(
  configFile: string,
  agents: readonly AgentEntry[],
): Promise<{ policies: string; node: NodeFacts }> {
  const config = await loadNodeConfig(configFile, agents);
  const truth = await startNodeTruth(truthSources(config), runCommand, silentLog);
  const node = { name: '', agents: Object.keys(config.agents), classes: truth.classes(), facts: truth.facts() };
  return { policies: config.policies, node };
}
