import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { ajvOptions } from '../src/core/ddl/schema.ts';
import type { BuiltInSchema } from '../src/schemas.ts';

/**
 * The source of an ES module that stands in for src/core/ddl/validators.ts in the bundle:
 * every validator as plain code, so that the program generates none when it runs.
 */
export function writeValidators(schemas: readonly BuiltInSchema[]): string {
  const ajv = new Ajv({ ...ajvOptions, code: { source: true, esm: true } });
  const names = new Map(schemas.map(({ id }, index) => [id, `builtIn${index}`] as const));
  if (names.size !== schemas.length) throw new Error('two built-in schemas have the same id');
  // ajv knows them by the export's name; the ids hold slashes. A schema that two ids share would be written twice.
  for (const { id, schema } of schemas) ajv.addSchema(structuredClone(schema), names.get(id));
  // The package is CommonJS: what an import gives is its module.exports.
  const code = standalone.default(ajv, Object.fromEntries([...names.values()].map((name) => [name, name])));
  const table = [...names].map(([id, name]) => `  [${JSON.stringify(id)}, ${name}],`);
  return `${code}
const validators = new Map([
${table.join('\n')}
]);

export function validatorOf(id) {
  const validate = validators.get(id);
  if (validate === undefined) throw new Error('no validator was built for ' + id);
  return validate;
}
`;
}
