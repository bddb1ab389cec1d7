import type { Command } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function jobsCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'jobs',
    define: (program, context) => {
      const jobs = program
        .command('jobs')
        .description('list, show, await or cancel calls that were detached (rpc --detach)');
      const define = (command: Command) =>
        addCommonOptions(addTargetOptions(command)).option('--any', 'jobs of all callers, if a policy allows it');
      define(
        jobs
          .command('list', { isDefault: true })
          .description(
            'list jobs of the last day: what each does, who started it, and how far it is, the newest first',
          ),
      ).action(async (options) => {
        const { listJobs } = await import('./list.ts');
        context.exit(await listJobs(options, catalogue, context));
      });
      define(jobs.command('show <id>').description('show a job, node by node, with its outcome')).action(
        async (id, options) => {
          const { showJob } = await import('./show.ts');
          context.exit(await showJob(id, options, catalogue, context));
        },
      );
      define(
        jobs.command('wait <id>').description('wait until a job has ended on all nodes, and show its outcome'),
      ).action(async (id, options) => {
        const { awaitJob } = await import('./show.ts');
        context.exit(await awaitJob(id, options, catalogue, context));
      });
      define(
        jobs.command('cancel <id>').description('cancel a job on all nodes where it runs (the nodes record it)'),
      ).action(async (id, options) => {
        const { cancelJob } = await import('./show.ts');
        context.exit(await cancelJob(id, options, catalogue, context));
      });
    },
  };
}
