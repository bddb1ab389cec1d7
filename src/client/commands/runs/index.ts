import { InvalidArgumentError } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addDiscoveryOptions } from '../../cli/target-options.ts';

export function runsCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'runs',
    define: (program, context) => {
      const runs = program
        .command('runs')
        .description('list and show runs, from this host or from the nodes that store their journals');
      const list = runs
        .command('list', { isDefault: true })
        .description('list the runs: when each started, what it did, and how it ended; newest first')
        .option('--fleet', 'list the runs that nodes store, from any machine')
        .option('--limit <n>', 'maximum number of runs', parseLimit, 20);
      addCommonOptions(addDiscoveryOptions(list)).action(async (options) => {
        const { listRuns } = await import('./list.ts');
        context.exit(await listRuns(options, catalogue, context));
      });
      const show = runs
        .command('show <run>')
        .description('show what a run did, step by step and node by node, and which servers are still out of traffic')
        .option('--fleet', 'ask the nodes that store its journal, even if this host has one')
        .option('--offline', 'ask no node')
        .option('-v, --verbose', 'include the reply of each node');
      addCommonOptions(addDiscoveryOptions(show)).action(async (run, options) => {
        const { showRun } = await import('./show.ts');
        context.exit(await showRun(run, options, catalogue, context));
      });
      const report = runs
        .command('report <run>')
        .description('write a run as one page: what failed and why, what is out of traffic, its nodes, its timeline')
        .option('--fleet', 'ask the nodes that store its journal, even if this host has one')
        .option('--offline', 'ask no node')
        .option('--html [file]', 'write the page to this file (default: to standard output)');
      addCommonOptions(addDiscoveryOptions(report)).action(async (run, options) => {
        const { reportRun } = await import('./report.ts');
        context.exit(await reportRun(run, options, catalogue, context));
      });
    },
  };
}

function parseLimit(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError('it must be a whole number from 1.');
  return Number(value);
}
