/**
 * Runs one action of appmgr in its own process and kills that process, as kill -9 would, in the middle of it.
 * Arguments: configuration as JSON, action, input as JSON, when to kill: `said:N` at the progress message of that number,
 * `step:N` before the change of the file system of that number, `never`; a state directory.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { AppmgrConfig } from '../../../../src/agents/appmgr/config.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { actionContext, agentSetup } from '../agent-setup.ts';

const [config = '', action = '', input = '{}', when = 'never', stateDirectory = ''] = process.argv.slice(2);
const [kind = '', number = ''] = when.split(':');
const die = () => process.kill(process.pid, 'SIGKILL');

let steps = 0;
function countSteps(): void {
  const files = createRequire(import.meta.url)('node:fs/promises') as Record<string, (...all: unknown[]) => unknown>;
  for (const name of ['rename', 'symlink', 'mkdir', 'rm', 'chmod']) {
    const real = files[name];
    files[name] = (...all: unknown[]) => {
      if (kind === 'step' && steps === Number(number)) die();
      steps += 1;
      return real?.(...all);
    };
  }
  syncBuiltinESMExports();
}

countSteps();
const { startAppmgr } = await import('../../../../src/agents/appmgr/agent.ts');
const setup = agentSetup(JSON.parse(config) as AppmgrConfig, { stateDirectory });
const { handlers } = await startAppmgr(setup);
const handler = handlers[action] as unknown as (input: JsonObject, context: ActionContext) => Promise<JsonObject>;
let said = 0;
const progress = (message: string) => {
  process.stdout.write(`${message}\n`);
  if (kind === 'said' && said++ === Number(number)) die();
};
try {
  const result = await handler(JSON.parse(input) as JsonObject, actionContext({ progress }));
  process.stdout.write(`${JSON.stringify({ result, steps })}\n`);
} catch (error) {
  process.stdout.write(`${String(error)}\n`);
  process.exitCode = 1;
}
