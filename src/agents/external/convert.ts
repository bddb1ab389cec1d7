import { validatorOf } from '#validators';
import type { ActionDdl, Aggregate, Ddl, ObjectSchema } from '../../core/ddl/ddl.ts';
import { inputValidatorOf } from '../../core/ddl/input.ts';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { takeOutsideDdl } from '../../core/ddl/outside-ddl.ts';
import { faultsOf, formatPath } from '../../core/ddl/schema.ts';
import { type ChoriaAction, type ChoriaDdl, type ChoriaOutput, choriaDdlSchema } from './format.ts';
import { convertInput, jsonTypes } from './input.ts';

/**
 * The DDL in Choria's JSON. Choria does not say whether an action changes anything or may be repeated: unless the file
 * does (`kind`, `repeatable`), it changes and may not be repeated.
 * @throws Problem `bad-ddl`
 */
export function convertDdl(value: JsonObject, file: string): Ddl {
  const validate = validatorOf('choria-ddl', choriaDdlSchema);
  if (!validate(value)) {
    const [fault] = faultsOf(validate);
    throw new Problem('bad-ddl', `${file}: ${formatPath(fault?.path ?? [])}: ${fault?.message}`);
  }
  const { metadata, actions } = value as unknown as ChoriaDdl;
  const names = actions.map(({ action }) => action);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Problem('bad-ddl', `${file}: the action ${twice} occurs twice`);
  const { name, description, author, license, version, url = '', timeout } = metadata;
  const converted = actions.map((action) => [action.action, convertAction(action, timeout)] as const);
  const header = { name, description, author, license, version, url };
  const ddl = takeOutsideDdl({ ...header, actions: Object.fromEntries(converted) }, file);
  for (const [action, content] of Object.entries(ddl.actions)) checkDefaults(ddl, action, content, file);
  return ddl;
}

function convertAction(source: ChoriaAction, timeout: number): ActionDdl {
  const inputs = Object.entries(source.input ?? {});
  const required = inputs.filter(([, { optional, default: value }]) => optional !== true && (value ?? null) === null);
  const kind = source.kind ?? 'change';
  return {
    description: source.description,
    kind,
    repeatable: source.repeatable ?? kind === 'read',
    timeout,
    dryRun: false,
    display: source.display ?? 'failed',
    input: {
      type: 'object',
      additionalProperties: false,
      required: required.map(([name]) => name),
      properties: Object.fromEntries(inputs.map(([name, input]) => [name, convertInput(name, input)])),
    } as ObjectSchema,
    output: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(source.output ?? {}).map(([name, one]) => [name, convertOutput(one)]),
      ),
    } as ObjectSchema,
    aggregate: (source.aggregate ?? []).flatMap(convertAggregate),
  };
}

function convertOutput({ description, display_as: heading, type, default: value }: ChoriaOutput): object {
  return {
    ...(typeof type === 'string' && Object.hasOwn(jsonTypes, type)
      ? { type: jsonTypes[type as keyof typeof jsonTypes] }
      : {}),
    ...(description === undefined ? {} : { description }),
    ...(heading === undefined ? {} : { 'x-display-as': heading }),
    ...(value === undefined || value === null ? {} : { default: value }),
  };
}

/** An unknown function makes no summary: only the single replies are shown. */
function convertAggregate({
  function: how,
  args: [output],
}: {
  function: string;
  args: readonly unknown[];
}): Aggregate[] {
  if (typeof output !== 'string') return [];
  if (how === 'boolean_summary') return [{ function: 'summary', output }];
  if (how === 'summary' || how === 'average' || how === 'sum' || how === 'nagios_states')
    return [{ function: how, output }];
  return [];
}

/** A default that its own input refuses would fail every call. */
function checkDefaults(ddl: Ddl, name: string, action: ActionDdl, file: string): void {
  const check = inputValidatorOf(ddl, name, action);
  check({});
  const wrong = faultsOf(check).find(({ path }) => path.length > 0);
  if (wrong === undefined) return;
  throw new Problem('bad-ddl', `${file}: the default of ${name}.${formatPath(wrong.path)} ${wrong.message}`);
}
