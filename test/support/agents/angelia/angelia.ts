import { startAngelia } from '../../../../src/agents/angelia/agent.ts';
import { type AngeliaConfig, angeliaConfigSchema } from '../../../../src/agents/angelia/config.ts';
import type { ActionContext } from '../../../../src/core/agent.ts';
import { validatorOf } from '../../../../src/core/ddl/validators.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../agent-setup.ts';

/** The configuration as the daemon would hand it over: checked, defaults filled in. */
export function angeliaConfig(value: object): AngeliaConfig {
  const validate = validatorOf('agent/angelia/config', angeliaConfigSchema);
  if (!validate(value)) throw new Error(JSON.stringify(validate.errors));
  return value as AngeliaConfig;
}

/** No second try comes by itself while a test runs, however slow the machine is, unless the test sets a time for it. */
const retry = { first: 900 };

/** angelia with its actions as plain functions; each message has its own id unless one is given. */
export async function startTestAngelia(config: object, stateDirectory = temporaryDirectory()) {
  const agent = await startAngelia(agentSetup(angeliaConfig({ retry, ...config }), { stateDirectory }));
  const call = (action: string, input: JsonObject, context: Partial<ActionContext>) =>
    (agent.handlers[action] as unknown as (i: JsonObject, c: ActionContext) => Promise<JsonObject>)(
      input,
      actionContext(context),
    );
  return {
    stateDirectory,
    send: (recipient: string, requestId: string, more: JsonObject & Partial<ActionContext> = {}) => {
      const { subject = 'deploy', message = 'revision 20 serves', priority = 'normal', ...context } = more;
      return call('sendmsg', { recipient, subject, message, priority }, { requestId, ...context });
    },
    status: () => call('status', {}, {}),
    queue: () => call('queue', {}, {}) as Promise<Record<'queued' | 'dead', { id: string; reason: string }[]>>,
    retry: (id?: string, context: Partial<ActionContext> = {}) =>
      call('retry', id === undefined ? {} : { id }, context),
    stop: async () => agent.stop?.(),
  };
}
