import { Argument } from 'commander';
import { type CommandEntry, exitCode } from '../../cli/context.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

export const completionCommand: CommandEntry = {
  name: 'completion',
  define: (program, context) => {
    program
      .command('completion')
      .description('print the script that completes command lines in a shell')
      .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(shells))
      .addHelpText('after', '\nbash: eval "$(mco-deploy completion bash)"; the package installs all three')
      .action(async (shell: (typeof shells)[number]) => {
        const { scripts } = await import('../../completion/scripts.ts');
        context.out(scripts[shell].trimEnd());
        context.exit(exitCode.ok);
      });
  },
};
