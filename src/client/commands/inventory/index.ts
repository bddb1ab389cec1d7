import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addDiscoveryOptions, parseSeconds } from '../../cli/target-options.ts';

export function inventoryCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'inventory',
    define: (program, context) => {
      const command = program
        .command('inventory <node>')
        .description('show everything about one node: version, agents, classes, facts, warnings')
        .option('-t, --timeout <seconds>', 'how long to wait for a reply', parseSeconds);
      addCommonOptions(addDiscoveryOptions(command)).action(async (node, options) => {
        const { runInventory } = await import('./inventory.ts');
        context.exit(await runInventory(node, options, catalogue, context));
      });
    },
  };
}
