import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import type { JobsConfig } from './config.ts';
import { jobsDdl } from './ddl.ts';
import { openJobs, type KnownJob } from './store.ts';

/** Keeps the detached calls of this node. The policy decides who may see those of others: the actions `…_any`. */
export async function startJobs(
  { config, stateDirectory }: AgentSetup<JobsConfig>,
  now: () => number = Date.now,
): Promise<Agent> {
  const jobs = await openJobs(stateDirectory, config, now);
  const list = (prefix: string, caller?: string) => ({
    jobs: jobs
      .list(caller)
      .filter(({ job }) => job.id.startsWith(prefix))
      .map(listed),
  });
  return {
    jobs: { begin: jobs.begin },
    handlers: defineHandlers(jobsDdl, {
      list: async ({ prefix = '' }, { caller }) => list(prefix, caller),
      list_any: async ({ prefix = '' }) => list(prefix),
      show: async ({ id }, { caller }) => shown(jobs.find(id, caller)),
      show_any: async ({ id }) => shown(jobs.find(id, undefined)),
      cancel: async ({ id }, { caller }) => ({ state: (await jobs.cancel(id, caller, caller)).state }),
      cancel_any: async ({ id }, { caller }) => ({ state: (await jobs.cancel(id, undefined, caller)).state }),
    }),
  };
}

function listed({ job: { id, agent, action, caller, run, state, began, ended } }: KnownJob) {
  return { id, agent, action, caller, run, state, began, ended };
}

function shown(known: KnownJob) {
  const { status, code, message, data, left_out } = known.job;
  return { ...listed(known), status, code, message, progress: known.progress, data, left_out };
}
