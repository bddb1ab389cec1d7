import { Problem } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';
import type { CommandEntry } from '../../cli/context.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';

/** @param load the schema of a fleet's file */
export const schemaCommand = (load: LoadNodeParts): CommandEntry => ({
  name: 'schema',
  define: (program, context) => {
    program
      .command('schema [name]')
      .description(
        'the JSON Schema of what a command prints with --json, of playbooks and of fleet.yaml; without a name, list them',
      )
      .action(async (name?: string) => {
        const { outputSchemas } = await import('../../schemas/index.ts');
        const names = [...Object.keys(outputSchemas), 'fleet'];
        if (name === undefined) {
          for (const one of names) context.out(one);
          return;
        }
        if (name === 'fleet') {
          const { fleetEditorSchema } = await import('../../fleet-file/editor-schema.ts');
          context.out(JSON.stringify(fleetEditorSchema(await load()), null, 2));
          return;
        }
        const schema = Object.hasOwn(outputSchemas, name) ? outputSchemas[name] : undefined;
        if (schema === undefined) {
          throw new Problem('usage', `there is no schema “${name.slice(0, 80)}”`, suggest(name, names));
        }
        context.out(JSON.stringify(schema, null, 2));
      });
  },
});
