import type { Ddl } from '../../../core/ddl/ddl.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';

export function locksCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'locks',
    define: (program, context) => {
      const locks = program.command('locks').description('list the leases that runs hold, or break one');
      const list = locks
        .command('list', { isDefault: true })
        .description('list who holds which lease, since when, on which nodes');
      addCommonOptions(addTargetOptions(list)).action(async (options) => {
        const { listLocks } = await import('./locks.ts');
        context.exit(await listLocks(options, catalogue, context));
      });
      const broken = locks
        .command('break <name>')
        .description('end a lease of any holder: its run is refused from then on (the nodes record it)');
      addCommonOptions(addTargetOptions(broken)).action(async (name, options) => {
        const { breakLock } = await import('./locks.ts');
        context.exit(await breakLock(name, options, catalogue, context));
      });
    },
  };
}
