import { Problem } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';
import type { CommandEntry } from '../../cli/context.ts';

export const schemaCommand: CommandEntry = {
  name: 'schema',
  define: (program, context) => {
    program
      .command('schema [name]')
      .description('the JSON Schema of what a command prints with --json; without a name, list them')
      .action(async (name?: string) => {
        const { outputSchemas } = await import('../../schemas/index.ts');
        const names = Object.keys(outputSchemas);
        if (name === undefined) {
          for (const one of names) context.out(one);
          return;
        }
        const schema = Object.hasOwn(outputSchemas, name) ? outputSchemas[name] : undefined;
        if (schema === undefined) {
          throw new Problem('usage', `there is no schema “${name.slice(0, 80)}”`, suggest(name, names));
        }
        context.out(JSON.stringify(schema, null, 2));
      });
  },
};
