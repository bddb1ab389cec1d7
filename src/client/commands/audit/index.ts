import type { Command } from 'commander';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { collect } from '../../cli/collect.ts';
import { addCommonOptions } from '../../cli/common-options.ts';
import type { CliContext, CommandEntry } from '../../cli/context.ts';
import { addTargetOptions } from '../../cli/target-options.ts';
import { nodeConfigFile } from '../daemon/index.ts';

export function auditCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'audit',
    define: (program, context) => {
      const audit = program.command('audit').description("read and check nodes' audit logs");
      defineShow(audit, context);
      defineVerify(audit, context);
      defineHeads(audit, catalogue, context);
      defineTrace(audit, catalogue, context);
    },
  };
}

/** For commands on the node, with its own files. */
function onNode(audit: Command, name: string, text: string): Command {
  return audit
    .command(name)
    .description(text)
    .option('--config <file>', "the node's configuration, which names the log and the CA", nodeConfigFile)
    .option('--file <file>', 'another audit log: its current file, or a single one of its files')
    .option('-j, --json', 'print JSON for machines');
}

function defineShow(audit: Command, context: CliContext): void {
  onNode(audit, 'show', 'print the requests in the log of this node, one a line')
    .option('--caller <id>', 'only those of this caller, as cert=NAME')
    .option('--agent <agent>', 'only those for this agent')
    .option('--action <action>', 'only those for this action')
    .option('--run <id>', 'only those of this run')
    .option('--request <id>', 'only those of this request')
    .option('--outcome <outcome>', 'only those with this outcome: ok, failed, refused, cancelled, unknown')
    .option('--since <time>', 'only those since this time (ISO 8601)')
    .option('--until <time>', 'only those before this time (ISO 8601)')
    .option('--follow', 'continue with new records as they are written')
    .action(async (options) => {
      const { showAudit } = await import('./show.ts');
      context.exit(await showAudit(options, context));
    });
}

function defineVerify(audit: Command, context: CliContext): void {
  onNode(audit, 'verify', 'check every signature and the chain, and name the first record that is wrong')
    .option(
      '--ca <file>',
      "the fleet's CA certificate; by default the node's, or where there is no node the operator's",
    )
    .option('--head <head>', 'a record that the log must hold, as SEQUENCE:HASH kept by a caller', collect)
    .option('--heads <file>', 'the same, from the file in which callers keep them (audit heads)', collect)
    .action(async (options) => {
      const { checkAudit } = await import('./verify.ts');
      context.exit(await checkAudit(options, context));
    });
}

function defineHeads(audit: Command, catalogue: readonly Ddl[], context: CliContext): void {
  addCommonOptions(addTargetOptions(audit.command('heads'), catalogue))
    .description('list the ends of the nodes’ logs, as the nodes signed them in their replies to you')
    .option('--forget <node>', 'trust this node again, for example after a reinstallation or a restored snapshot')
    .option('--reason <text>', 'the reason, for the audit log of the node')
    .action(async (options) => {
      const { listHeads } = await import('./heads.ts');
      context.exit(await listHeads(options, catalogue, context));
    });
}

function defineTrace(audit: Command, catalogue: readonly Ddl[], context: CliContext): void {
  addCommonOptions(addTargetOptions(audit.command('trace <run>'), catalogue))
    .description('collect the records of a run from every node, check them, and compare them with its journal')
    .action(async (run, options) => {
      const { traceRun } = await import('./trace.ts');
      context.exit(await traceRun({ run, options }, catalogue, context));
    });
}
