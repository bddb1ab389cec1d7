import type { CommandEntry } from '../../cli/context.ts';

export const verifyCommand: CommandEntry = {
  name: 'verify',
  define: (program, context) => {
    program
      .command('verify <files...>')
      .description('check released files of mco-deploy: their sums, and the signature over the sums')
      .option(
        '--sums <file>',
        'the list of sums (default: SHA256SUMS beside the first file); its signature is beside it, with .sig',
      )
      .option('--key <file>', 'the public key of the releases, PEM (default: the one in this program)')
      .option('-j, --json', 'print JSON for machines')
      .action(async (files: string[], options: { sums?: string; key?: string; json?: boolean }) => {
        const { verifyFiles } = await import('./verify.ts');
        context.exit(await verifyFiles(files, options, context));
      });
  },
};
