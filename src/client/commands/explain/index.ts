import type { CommandEntry } from '../../cli/context.ts';

export const explainCommand: CommandEntry = {
  name: 'explain',
  define: (program, context) => {
    program
      .command('explain [code]')
      .description('explain a problem code, such as “policy-denied”; without one, list all codes')
      .option('-j, --json', 'print JSON for machines')
      .action(async (code, options) => {
        const { explainCode } = await import('./explain.ts');
        context.exit(explainCode(code, options, context));
      });
  },
};
