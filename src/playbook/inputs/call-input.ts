/**
 * Checks the input of a step against the action’s DDL: before a run as far as it is known, and completely before a
 * call.
 */
import { hiddenText } from '../../core/hide-texts.ts';
import { type ActionDdl, type Ddl, inputNames, sensitiveInputs, sensitiveOutputs } from '../../core/ddl/ddl.ts';
import { inputValidatorOf } from '../../core/ddl/input.ts';
import { Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { faultsOf, formatPath } from '../../core/ddl/schema.ts';
import { suggest } from '../../core/text.ts';
import type { StepCompiler } from '../steps/kind.ts';
import { textsIn } from '../expressions/taint.ts';
import { isLiteral } from '../expressions/template.ts';

/**
 * Names must be known, required inputs given, literal values allowed. Values of expressions are checked later.
 * @throws Problem `bad-playbook`
 */
export function checkWith({ source, at, atKey }: StepCompiler, ddl: Ddl, action: ActionDdl, actionName: string): void {
  const { name } = ddl;
  const inputs = source.with ?? {};
  const known = inputNames(action);
  for (const key of Object.keys(inputs)) {
    if (known.includes(key)) continue;
    atKey('with', key).fail(`${name}#${actionName} has no input “${key}”: ${suggest(key, known)}`);
  }
  const validate = inputValidatorOf(ddl, actionName, action);
  if (validate(structuredClone(inputs))) return;
  for (const { path, message } of faultsOf(validate)) {
    const [key = ''] = path;
    if (Object.hasOwn(inputs, key) && !isLiteral(inputs[key])) continue;
    const what = path.length === 0 ? `${name}#${actionName}: ${message}` : `${formatPath(path)}: ${message}`;
    (path.length === 0 ? at() : at('with', ...path)).fail(what);
  }
}

/**
 * The input as it is sent, with defaults; null values are omitted.
 * @throws Problem `bad-input`
 */
export function bindCallInput(value: unknown, ddl: Ddl, actionName: string, action: ActionDdl): JsonObject {
  const inputs = isObject(value) ? value : {};
  const input = Object.fromEntries(Object.entries(inputs).filter(([, item]) => item !== null));
  const validate = inputValidatorOf(ddl, actionName, action);
  if (validate(input)) return input;
  const [fault] = faultsOf(validate);
  const what = fault === undefined ? 'it is not allowed' : `${formatPath(fault.path)}: ${fault.message}`;
  throw new Problem('bad-input', `the input of ${ddl.name}#${actionName} is not valid: ${what}`);
}

/** The secrets of `expressions/taint`: texts, and those too short to be found within others. */
interface Secrets {
  readonly texts: ReadonlyMap<string, string>;
  readonly brief: ReadonlyMap<string, string>;
}

/**
 * A sensitive input of the playbook, and values computed from it, may only go to an input that the DDL marks as
 * sensitive: any other would be in the journal here and in the audit logs there.
 * @param shown the input without what the DDL marks as sensitive
 * @throws Problem `bad-input`
 */
export function refuseSecrets(shown: JsonObject, { texts, brief }: Secrets, title: string): void {
  for (const [key, value] of Object.entries(shown)) {
    const given = textsIn(value);
    for (const [secret, name] of [...texts, ...brief]) {
      if (!given.some((text) => (texts.has(secret) ? text.includes(secret) : text === secret))) continue;
      const message = `the sensitive input “${name}” may not be given to ${title} as “${key}”, which is not marked as sensitive`;
      throw new Problem('bad-input', message, 'it would be written to the audit logs');
    }
  }
}

/** Without the values of sensitive inputs: for the journal. */
export function hideInputs(action: ActionDdl, input: Readonly<Record<string, unknown>>): JsonObject {
  return withoutKeys(input, sensitiveInputs(action));
}

/** Without the values of sensitive outputs: for the journal and for display. */
export function hideOutputs(action: ActionDdl, data: Readonly<Record<string, unknown>>): JsonObject {
  return withoutKeys(data, sensitiveOutputs(action));
}

function withoutKeys(values: Readonly<Record<string, unknown>>, hidden: readonly string[]): JsonObject {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, hidden.includes(key) ? hiddenText : value]),
  );
}
