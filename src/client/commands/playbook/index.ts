import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import { isScript } from '../../scripts/names.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addDiscoveryOptions } from '../../cli/target-options.ts';

/** Information about playbooks without a run. */
export function playbookCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'playbook',
    define: (program, context) => {
      const command = program.command('playbook').description('list, check and explain playbooks');
      const json = ['-j, --json', 'print JSON for machines'] as const;
      command
        .command('list')
        .description('the playbooks that are shipped')
        .option(...json)
        .action(async (options) => {
          const { listPlaybooks } = await import('./playbook.ts');
          await listPlaybooks(options, context);
        });
      const check = command
        .command('check <playbook>')
        .description('check a file or a shipped playbook completely: names, agents, inputs, expressions')
        .option('--online', 'ask the nodes for agents that are not built in');
      addCommonOptions(addDiscoveryOptions(check)).action(async (name, options) => {
        const { checkPlaybook } = await import('./playbook.ts');
        await checkPlaybook(name, options, catalogue, context);
      });
      command
        .command('docs <playbook>')
        .description('show what a playbook accepts and does')
        .option('--markdown', 'as Markdown')
        .option(...json)
        .action(async (name, options) => {
          if (isScript(name)) {
            const { showScriptDocs } = await import('../../scripts/explain.ts');
            await showScriptDocs(name, options, catalogue, context);
            return;
          }
          const { showPlaybookDocs } = await import('./playbook.ts');
          await showPlaybookDocs(name, options, context);
        });
      command
        .command('schema')
        .description('the JSON Schema of playbooks, for editors')
        .action(async () => {
          const { playbookSchema } = await import('../../../playbook/source/schema.ts');
          context.out(JSON.stringify(playbookSchema, null, 2));
        });
    },
  };
}
