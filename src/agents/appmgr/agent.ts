import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import type { ApplicationConfig, AppmgrConfig } from './config.ts';
import { appmgrDdl } from './ddl.ts';
import { fetchRelease } from './actions/fetch.ts';
import { listReleases } from './actions/list.ts';
import { restart } from './actions/restart.ts';
import { rollback } from './actions/rollback.ts';
import { defineApplication, type Application } from './application.ts';
import { readAll, readStatus } from './actions/status.ts';
import { upgrade } from './actions/upgrade.ts';

export async function startAppmgr({ config, run, stateDirectory }: AgentSetup<AppmgrConfig>): Promise<Agent> {
  const busy = new Set<string>();
  const find = (name: string | undefined) => defineApplication(findApplication(config, name), run, stateDirectory);
  const exclusively = async <T>(name: string | undefined, work: (app: Application) => Promise<T>) =>
    doAlone(busy, find(name), work);
  const handlers = defineHandlers(appmgrDdl, {
    upgrade: ({ application, revision }, context) =>
      exclusively(application, async (app) => ({ ...(await upgrade(app, revision, context)) })),
    fetch: ({ application, revision }, context) =>
      exclusively(application, async (app) => ({ ...(await fetchRelease(app, revision, context)) })),
    rollback: ({ application, ...input }, context) =>
      exclusively(application, async (app) => ({ ...(await rollback(app, input, context)) })),
    restart: ({ application }, context) =>
      exclusively(application, async (app) => ({ ...(await restart(app, context)) })),
    releases: async ({ application }) => ({ ...(await listReleases(find(application))) }),
    status: async ({ application, revision, all }, context) => {
      if (all === true) return await readAll(Object.keys(config.applications).map(find), revision, context.signal);
      return { ...(await readStatus(find(application), revision, context.signal)) };
    },
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

/** Two concurrent changes of one application would undo each other. @throws Problem `busy` */
async function doAlone<T>(
  busy: Set<string>,
  app: Application,
  work: (application: Application) => Promise<T>,
): Promise<T> {
  const { name } = app.config;
  if (busy.has(name)) {
    throw new Problem('busy', `“${name}” is being changed by another call on this node`, 'wait until it ends');
  }
  busy.add(name);
  try {
    return await work(app);
  } finally {
    busy.delete(name);
  }
}
