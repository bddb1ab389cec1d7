import { isObject, type JsonObject } from '../../core/json.ts';
import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';

/**
 * Local overrides for an agent with a foreign DDL (NAME.site.json beside NAME.json): Choria's DDLs do not say whether
 * an action changes anything, may be repeated, or takes a secret, and name validators that only Ruby knows.
 */
interface SiteMarks {
  readonly actions?: Readonly<Record<string, SiteAction>>;
  /** Patterns (RE2) by the names of validators. */
  readonly validators?: Readonly<Record<string, string>>;
}

interface SiteAction {
  readonly kind?: 'read' | 'change';
  readonly repeatable?: boolean;
  /** Names of inputs. */
  readonly sensitive?: readonly string[];
}

/**
 * The DDL with the local marks.
 * @param ddl in Choria's JSON, not yet checked
 * @throws Problem `bad-ddl` for an invalid mark, or one about something that the DDL does not have
 */
export function applyOverrides(ddl: JsonObject, overrides: JsonObject, file: string): JsonObject {
  const { actions: marks = {}, validators = {} } = checkMarks(overrides, file);
  const actions = (Array.isArray(ddl.actions) ? ddl.actions : []).filter(isObject);
  const names = actions.map(({ action }) => String(action));
  for (const name of Object.keys(marks)) {
    if (!names.includes(name)) throw bad(file, `the agent has no action “${name}”: ${suggest(name, names)}`);
  }
  const marked = actions.map((action) => {
    const { sensitive = [], ...mark } = marks[String(action.action)] ?? {};
    const inputs = isObject(action.input) ? action.input : {};
    const missing = sensitive.find((name) => !Object.hasOwn(inputs, name));
    if (missing !== undefined) throw bad(file, `${String(action.action)} has no input “${missing}”`);
    const input = Object.entries(inputs).map(([name, one]) => [
      name,
      markInput(one, sensitive.includes(name), validators),
    ]);
    return { ...action, ...mark, input: Object.fromEntries(input) };
  });
  return { ...ddl, actions: marked };
}

function markInput(input: unknown, isSensitive: boolean, validators: Readonly<Record<string, string>>): unknown {
  if (!isObject(input)) return input;
  const name = typeof input.validation === 'string' ? input.validation.replace(/^:/, '') : '';
  return {
    ...input,
    ...(isSensitive ? { sensitive: true } : {}),
    ...(Object.hasOwn(validators, name) ? { validation: validators[name] } : {}),
  };
}

function checkMarks(overrides: JsonObject, file: string): SiteMarks {
  const { actions = {}, validators = {}, ...others } = overrides;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw bad(file, `unknown key “${unknown}”: ${suggest(unknown, ['actions', 'validators'])}`);
  if (!isObject(actions) || !isObject(validators)) throw bad(file, '“actions” and “validators” are objects');
  for (const [name, mark] of Object.entries(actions)) checkMark(name, mark, file);
  for (const [name, pattern] of Object.entries(validators)) {
    if (typeof pattern !== 'string' || pattern === '') throw bad(file, `the validator ${name} is not a pattern`);
  }
  return { actions, validators } as SiteMarks;
}

function checkMark(name: string, mark: unknown, file: string): void {
  const known = ['kind', 'repeatable', 'sensitive'];
  if (!isObject(mark)) throw bad(file, `${name} is not an object`);
  const unknown = Object.keys(mark).find((key) => !known.includes(key));
  if (unknown !== undefined) throw bad(file, `${name}: unknown key “${unknown}”: ${suggest(unknown, known)}`);
  const { kind = 'read', repeatable = true, sensitive = [] } = mark;
  const good =
    (kind === 'read' || kind === 'change') &&
    typeof repeatable === 'boolean' &&
    Array.isArray(sensitive) &&
    sensitive.every((one) => typeof one === 'string');
  if (!good) throw bad(file, `${name}: kind is read or change, repeatable true or false, sensitive a list of inputs`);
}

function bad(file: string, message: string): Problem {
  return new Problem('bad-ddl', `${file}: ${message}`);
}
