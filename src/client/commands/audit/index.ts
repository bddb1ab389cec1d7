import type { CommandEntry } from '../../context.ts';
import { nodeConfigFile } from '../daemon/index.ts';

export const auditCommand: CommandEntry = {
  name: 'audit',
  define: (program, context) => {
    const audit = program.command('audit').description("read and check this node's audit log");
    const withFile = (name: string, text: string) =>
      audit
        .command(name)
        .description(text)
        .option('--config <file>', "the node's configuration, which names the log and the CA", nodeConfigFile)
        .option('--file <file>', 'another audit log')
        .option('-j, --json', 'print JSON for machines');
    withFile('show', 'print the requests, one a line')
      .option('--caller <id>', 'only those of this caller, as cert=NAME')
      .option('--agent <agent>', 'only those for this agent')
      .option('--action <action>', 'only those for this action')
      .option('--run <id>', 'only those of this run')
      .option('--since <time>', 'only those since this time (ISO 8601)')
      .action(async (options) => {
        const { showAudit } = await import('./run.ts');
        context.exit(await showAudit(options, context));
      });
    withFile('verify', 'check every signature and the chain, and name the first record that is wrong')
      .option('--ca <file>', "the fleet's CA certificate")
      .option('--head <head>', 'the least that the log must hold, as SEQUENCE:HASH that a caller kept')
      .action(async (options) => {
        const { checkAudit } = await import('./run.ts');
        context.exit(await checkAudit(options, context));
      });
  },
};
