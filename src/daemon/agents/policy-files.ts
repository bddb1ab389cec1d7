import type { AgentEntry } from '../../core/agent.ts';
import type { PartlyKnownNode } from '../../core/policy/certainty.ts';
import { loadNodeConfig, truthSources } from '../config/config.ts';
import { runCommand } from '../exec/run-command.ts';
import { startNodeTruth } from '../facts/node-truth.ts';
import { silentLog } from '../system/silent-log.ts';

/**
 * A node's policies and facts, read as a daemon would read them, for `policy explain`. The name is omitted: it is in a
 * certificate that needs the node's key to be loaded, and no rule uses it.
 * @throws Problem as {@link loadNodeConfig}
 */
export async function readPolicyContext(
  configFile: string,
  agents: readonly AgentEntry[],
): Promise<{ policies: string; node: PartlyKnownNode }> {
  const config = await loadNodeConfig(configFile, agents);
  const truth = await startNodeTruth(truthSources(config), runCommand, silentLog);
  const known = { name: '', agents: Object.keys(config.agents), classes: truth.classes(), facts: truth.facts() };
  return { policies: config.policies, node: { ...known, missing: truth.incomplete() } };
}
