import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { ApplicationConfig, AppmgrConfig } from './config.ts';
import { appmgrDdl } from './ddl.ts';
import { restart } from './restart.ts';
import { readStatus } from './status.ts';
import { upgrade } from './upgrade.ts';

export async function startAppmgr(setup: AgentSetup<AppmgrConfig>): Promise<Agent> {
  const busy = new Set<string>();
  const find = (name: string | undefined) => findApplication(setup.config, name);
  const handlers = defineHandlers(appmgrDdl, {
    upgrade: async (input, context) => {
      const application = find(input.application);
      return alone(busy, application.name, async () => ({
        ...(await upgrade(application, input.revision, setup.run, context)),
      }));
    },
    restart: async (input, context) => {
      const application = find(input.application);
      return alone(busy, application.name, async () => ({ ...(await restart(application, setup.run, context)) }));
    },
    status: async (input, context) => ({
      ...(await readStatus(find(input.application), input.revision, context.signal)),
    }),
  });
  return { handlers };
}

/** @throws Problem `unknown-application` */
function findApplication({ applications }: AppmgrConfig, name: string | undefined): ApplicationConfig {
  const names = Object.keys(applications);
  if (name === undefined && names.length !== 1) {
    throw new Problem('unknown-application', 'this node has several applications', `name one: ${names.join(', ')}`);
  }
  const wanted = name ?? names[0] ?? '';
  const found = Object.hasOwn(applications, wanted) ? applications[wanted] : undefined;
  if (found === undefined) {
    throw new Problem('unknown-application', `this node has no application “${wanted}”`, suggest(wanted, names));
  }
  return { ...found, name: wanted };
}

/** Two upgrades of one application at a time would undo each other. @throws Problem `busy` */
async function alone<T>(busy: Set<string>, name: string, work: () => Promise<T>): Promise<T> {
  if (busy.has(name)) {
    throw new Problem('busy', `“${name}” is being upgraded or restarted on this node`, 'wait for its end');
  }
  busy.add(name);
  try {
    return await work();
  } finally {
    busy.delete(name);
  }
}
