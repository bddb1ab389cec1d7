import type { Command } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { CliContext, CommandEntry } from '../../cli/context.ts';
import type { AgentSources } from './check.ts';
import type { ReadOutsideAgents, ReadPolicyContext } from './context.ts';
import { nodeConfigFile } from '../daemon/index.ts';

export function policyCommand(
  catalogue: readonly Ddl[],
  readContext: ReadPolicyContext,
  readOutside: ReadOutsideAgents,
): CommandEntry {
  return {
    name: 'policy',
    define: (program, context) => {
      const policy = program
        .command('policy')
        .description('check policies, and show what they decide and by which line');
      defineCheck(policy, { catalogue, readOutside }, context);
      defineImport(policy, context);
      defineExplain(policy, catalogue, readContext, context);
    },
  };
}

function defineCheck(policy: Command, known: AgentSources, context: CliContext): void {
  policy
    .command('check')
    .description('read a policy, or a directory of them, as the daemon does, and name every file that it would refuse')
    .argument('<path>', 'AGENT.policy, the file groups, or the directory that holds them')
    .option('--groups <file>', 'the groups that a single file is read with (default: the file “groups” beside it)')
    .option(
      '--agents <dir>',
      'the agents in other languages that policies may name (default: agents.d beside the directory of the policies)',
    )
    .option('-j, --json', 'print JSON for machines')
    .action(async (path, options) => {
      const { checkPolicies } = await import('./check.ts');
      context.exit(await checkPolicies(path, options, known, context));
    });
}

function defineImport(policy: Command, context: CliContext): void {
  policy
    .command('import')
    .description('rewrite the callers in policies of Choria or MCollective, and name what else must change')
    .argument('<path>', 'the directory with the policies, or one of them')
    .option(
      '--map <from=to>',
      'choria=cert (or choria=cert=*@DOMAIN), uid=500=cert=NAME (repeatable)',
      (value: string, before: string[] = []) => [...before, value],
    )
    .option('--write', 'rewrite the files; without it the difference is only shown')
    .action(async (path, options) => {
      const { importPolicies } = await import('./import.ts');
      context.exit(await importPolicies(path, options, context));
    });
}

function defineExplain(
  policy: Command,
  catalogue: readonly Ddl[],
  readContext: ReadPolicyContext,
  context: CliContext,
): void {
  policy
    .command('explain')
    .description('show the decision, and which line of which file makes it')
    .requiredOption('--caller <id>', 'the caller, as policies write it: cert=rip@devco.net')
    .requiredOption('--agent <agent>', 'the agent, by its name or an alias')
    .requiredOption('--action <action>', 'the action')
    .option('--policies <dir>', 'the directory with the policies (default: from the configuration of this node)')
    .option('--facts <facts...>', 'facts of the node, as name=value (default: those of this node)')
    .option('--classes <classes...>', 'classes of the node (default: those of this node)')
    .option('--config <file>', "the node's configuration, which names its policies, facts and classes", nodeConfigFile)
    .option('-j, --json', 'print JSON for machines')
    .action(async (options) => {
      const { explainPolicy } = await import('./explain.ts');
      context.exit(await explainPolicy(options, catalogue, readContext, context));
    });
}
