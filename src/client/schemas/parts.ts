/** Parts that several schemas share. */

type Schema = Readonly<Record<string, unknown>>;

interface ObjectSchema<Properties> extends Schema {
  readonly properties: Properties;
}

/** An object with all its named properties; later minor versions may add others. */
export function object<Properties extends Readonly<Record<string, Schema>>>(
  properties: Properties,
  optional: readonly string[] = [],
): ObjectSchema<Properties> {
  return { type: 'object', required: Object.keys(properties).filter((name) => !optional.includes(name)), properties };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

export const text: Schema = { type: 'string' };
export const flag: Schema = { type: 'boolean' };
export const texts: Schema = list(text);
/** As an agent, a playbook or a node returns it: its keys are not ours. */
export const anyObject: Schema = { type: 'object' };
export const count: Schema = { type: 'integer', minimum: 0 };
export const milliseconds: Schema = { type: 'integer', minimum: 0, description: 'Milliseconds' };
export const time: Schema = {
  type: 'string',
  description: 'ISO 8601, UTC',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
};
export const runId: Schema = { type: 'string', pattern: '^[0-9a-f]{32}$' };

export const nodeFailure = object({
  node: { ...text, description: 'Empty where the failure is not of a node' },
  code: text,
  reason: text,
});

export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}
