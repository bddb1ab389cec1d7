import { Problem } from '../../../core/errors.ts';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { type CommandEntry, exitCode } from '../../cli/context.ts';
import { addRunOptions } from '../../cli/run-options.ts';
import { parseAssignments } from '../../scripts/names.ts';

/** The command of the seed: `orchestrate SCRIPT name=value …`. */
export function orchestrateCommand(catalogue: readonly Ddl[]): CommandEntry {
  return {
    name: 'orchestrate',
    define: (program, context) => {
      const command = program
        .command('orchestrate [script] [inputs...]')
        .description(
          'run a script in the Puppet DSL (.mc): a file, or the name of one that is shipped; inputs as name=value',
        )
        .helpOption(false)
        .option('-h, --help', 'explain the command, and with a script what it takes')
        .option('--dry-run', 'show what would change on each node, and change nothing')
        .option('-d, --debug', 'show the output of debug()')
        .option('-r, --ruby', 'not supported: scripts in Ruby are not run');
      addRunOptions(command).action(async (script, words, options) => {
        if (options.help === true) {
          if (script === undefined) command.outputHelp();
          else await (await import('../../scripts/explain.ts')).showScriptDocs(script, {}, catalogue, context);
          context.exit(exitCode.ok);
          return;
        }
        if (script === undefined)
          throw new Problem('usage', 'the script is missing', 'write mco-deploy orchestrate SCRIPT');
        if (options.ruby === true) {
          throw new Problem(
            'usage',
            'scripts in Ruby are not run',
            'write it as a script in the Puppet DSL, or as a playbook',
          );
        }
        const { runScript } = await import('../../scripts/run-script.ts');
        const request = { script, inputs: parseAssignments(words), options, command: `orchestrate ${script}` };
        context.exit(await runScript(request, catalogue, context));
      });
    },
  };
}
