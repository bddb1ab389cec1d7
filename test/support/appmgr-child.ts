/**
 * Runs one upgrade in a process of its own and kills that process, as kill -9 would, when the upgrade reports the
 * progress whose number is given. Arguments: configuration as JSON, revision, number of the progress message (-1: never).
 */
import { startAppmgr } from '../../src/agents/appmgr/agent.ts';
import type { AppmgrConfig } from '../../src/agents/appmgr/config.ts';
import type { ActionContext } from '../../src/core/agent.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { actionContext, agentSetup } from './agent-setup.ts';

const [config = '', revision = '', killAt = '-1'] = process.argv.slice(2);
const agent = await startAppmgr(agentSetup(JSON.parse(config) as AppmgrConfig));
const upgrade = agent.handlers.upgrade as unknown as (input: JsonObject, context: ActionContext) => Promise<JsonObject>;
let said = 0;
const progress = (message: string) => {
  process.stdout.write(`${message}\n`);
  if (said++ === Number(killAt)) process.kill(process.pid, 'SIGKILL');
};
try {
  const result = await upgrade({ revision }, actionContext({ progress }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
} catch (error) {
  process.stdout.write(`${String(error)}\n`);
  process.exitCode = 1;
}
