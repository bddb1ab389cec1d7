import { Ajv } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import { ajvOptions } from '../../src/core/ddl/schema.ts';
import type { BuiltInSchema } from '../../src/schemas.ts';

/** The validators of the bundle: plain code, so that the program generates none when it runs. */
export interface Validators {
  /** The source of the module that stands in for src/core/ddl/validators.ts. */
  readonly standIn: string;
  /** One part for each schema, by name: a node holds the code of those that it checks something with. */
  readonly parts: Readonly<Record<string, string>>;
}

export function writeValidators(schemas: readonly BuiltInSchema[]): Validators {
  const names = new Map(schemas.map(({ id }) => [id, `validator-${id.replaceAll('/', '-')}`] as const));
  if (new Set(names.values()).size !== schemas.length) throw new Error('two built-in schemas have the same id');
  const parts = schemas.map(({ id, schema }) => [names.get(id) ?? '', writeValidator(schema)] as const);
  const table = [...names].map(([id, name]) => `  [${JSON.stringify(id)}, () => require('./${name}.cjs')],`);
  const standIn = `
const validators = new Map([
${table.join('\n')}
]);

export function validatorOf(id) {
  const load = validators.get(id);
  if (load === undefined) throw new Error('no validator was built for ' + id);
  return load();
}
`;
  return { standIn, parts: Object.fromEntries(parts) };
}

function writeValidator(schema: object): string {
  const ajv = new Ajv({ ...ajvOptions, code: { source: true } });
  // The package is CommonJS: what an import gives is its module.exports.
  return standalone.default(ajv, ajv.compile(structuredClone(schema)));
}
