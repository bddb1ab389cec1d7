import { actionOf, type Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { actionLines, ddlLines } from '../../render/ddl.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function rpcCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'rpc',
    define: (program, context) => {
      const command = program
        .command('rpc <agent> <action> [inputs...]')
        .description('call an action of an agent on the nodes that match, with inputs as name=value')
        .option('--dry-run', 'show what would change on each node, and change nothing')
        .option('--batch <n>', 'how many nodes to call at a time, or N%')
        .option('--batch-sleep <seconds>', 'wait between batches')
        .option('--detach', 'do not wait: print the id of a job at once, for “mco-deploy jobs”')
        .option('--display <which>', 'show replies that are: ok, failed, all, none')
        .option('-v, --verbose', 'show every reply, and how long each took')
        .option('-q, --quiet', 'print only the replies')
        .option('--table', 'print a line for each node')
        .option('--sort', 'sort the replies by the names of the nodes')
        .option('--senders', 'print only the names of the nodes that replied ok')
        .addHelpText('after', ({ command: { args } }) => explainWords(args, catalogue));
      addCommonOptions(addTargetOptions(command, catalogue)).action(async (agent, action, inputs, options) => {
        const { runRpc } = await import('./rpc.ts');
        context.exit(await runRpc({ agent, action, inputs, options }, catalogue, context));
      });
    },
  };
}

/** The inputs and outputs of the agent and the action before `--help`. */
function explainWords([agent, action = '']: readonly string[], catalogue: readonly Ddl[]): string {
  const ddl = catalogue.find(({ name }) => name === agent);
  if (ddl === undefined) return '';
  const description = actionOf(ddl, action);
  return `\n${(description === undefined ? ddlLines(ddl) : actionLines(ddl, action, description)).join('\n')}`;
}
