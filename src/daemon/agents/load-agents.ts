import { join } from 'node:path';
import type { Agent, AgentEntry } from '../../core/agent.ts';
import { explain, Problem } from '../../core/errors.ts';
import { makeDirectories } from '../../core/files/durable.ts';
import { fileProblem } from '../../core/files/file-problem.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Log, NodeView } from '../../core/ports.ts';
import { runCommand } from '../exec/run-command.ts';

/**
 * Loads and starts the agents that the configuration enables; the code of the others is never loaded.
 * @throws Problem `agent-failed` naming the agent that cannot start
 */
export async function loadAgents(
  entries: readonly AgentEntry[],
  configs: Readonly<Record<string, JsonObject>>,
  node: NodeView,
  stateDirectory: string,
  log: Log,
): Promise<Map<string, Agent>> {
  const started = new Map<string, Agent>();
  for (const { ddl, load } of entries) {
    const directory = join(stateDirectory, ddl.name);
    try {
      await makeDirectories(directory, 0o700);
      const start = await load();
      const config = (configs[ddl.name] ?? {}) as never;
      started.set(ddl.name, await start({ config, node, stateDirectory: directory, run: runCommand, log }));
    } catch (cause) {
      await stopAgents(started.values()).catch((error: unknown) => log.error({ err: error }, 'an agent did not stop'));
      const why = explain(fileProblem(cause) ?? cause);
      throw new Problem('agent-failed', `the agent ${ddl.name} cannot start: ${why}`, '', { cause });
    }
  }
  return started;
}

/** Waits for each of them, also if another one fails. @throws the first failure */
export async function stopAgents(agents: Iterable<Agent>): Promise<void> {
  const ends = await Promise.allSettled(Array.from(agents, async (agent) => agent.stop?.()));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
