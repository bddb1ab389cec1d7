import type { ErrorObject, Options } from 'ajv';
import { isObject } from '../json.ts';
import { count, suggest } from '../text.ts';
import { patternWords } from './patterns.ts';

/** As ajv makes them: true when the value fits, else the faults are left in `errors`. */
export interface Validate {
  (value: unknown): boolean;
  errors?: ErrorObject[] | null;
}

export const ajvOptions = {
  allErrors: true,
  useDefaults: true,
  strict: true,
  allowUnionTypes: true,
  verbose: true,
  keywords: ['x-sensitive', 'x-application', 'x-display-as', 'x-prompt', 'x-unit'],
} satisfies Options;

/** One fault of a value: its position, and what was expected. */
export interface Fault {
  /** Keys and indexes from the root. */
  readonly path: readonly string[];
  /** True when the fault is in the key itself, not in its value. */
  readonly atKey: boolean;
  readonly message: string;
}

/** The faults that a validator left, as messages for people, with the nearest known key. */
export function faultsOf(validate: Validate): Fault[] {
  const faults = (validate.errors ?? []).map(faultOf);
  // An `anyOf` or `if` reports itself and each of its branches: keep what says most.
  const specific = faults.filter((fault) => fault.message !== '');
  return specific.filter(
    (fault, index) => specific.findIndex((other) => other.path.join('\0') === fault.path.join('\0')) === index,
  );
}

function faultOf(error: ErrorObject): Fault {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'additionalProperties') {
    const key = String(params.additionalProperty);
    const known = isObject(error.parentSchema?.properties) ? Object.keys(error.parentSchema.properties) : [];
    return { path: [...path, key], atKey: true, message: `unknown key “${key}”: ${suggest(key, known)}` };
  }
  if (error.keyword === 'required') {
    return { path, atKey: false, message: `“${String(params.missingProperty)}” is missing` };
  }
  return { path, atKey: false, message: wordsFor(error, params) };
}

function wordsFor(error: ErrorObject, params: Record<string, unknown>): string {
  switch (error.keyword) {
    case 'type':
      return `must be ${wordsForTypes(String(params.type))}`;
    case 'enum':
      return `must be one of ${(params.allowedValues as unknown[]).map(String).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'pattern':
      return `must ${patternWords.get(String(params.pattern)) ?? `match ${String(params.pattern)}`}`;
    case 'minimum':
      return `must be at least ${String(params.limit)}`;
    case 'maximum':
      return `must be at most ${String(params.limit)}`;
    case 'exclusiveMinimum':
      return `must be more than ${String(params.limit)}`;
    case 'exclusiveMaximum':
      return `must be less than ${String(params.limit)}`;
    case 'uniqueItems':
      return 'must not have an item twice';
    case 'if':
    case 'anyOf':
    case 'oneOf':
      return '';
    default:
      return wordsForSize(error.keyword, Number(params.limit)) ?? error.message ?? 'is not allowed';
  }
}

/** `minItems`, `maxLength`, … */
function wordsForSize(keyword: string, limit: number): string | undefined {
  const [, bound, of = ''] = /^(min|max)(Items|Length|Properties)$/.exec(keyword) ?? [];
  if (bound === undefined) return undefined;
  if (bound === 'min' && limit === 1) return 'must not be empty';
  const thing = { Items: 'item', Length: 'character', Properties: 'key' }[of] ?? of;
  return `must have at ${bound === 'min' ? 'least' : 'most'} ${count(limit, thing)}`;
}

const types: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  null: 'null',
  number: 'a number',
  object: 'a map of keys and values',
  string: 'text',
};

function wordsForTypes(type: string): string {
  return type
    .split(',')
    .map((one) => types[one] ?? one)
    .join(' or ');
}

/** `servers[2].port`, or “the value” for the root. */
export function formatPath(path: readonly string[]): string {
  if (path.length === 0) return 'the value';
  return path.map((part, index) => (/^\d+$/.test(part) ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}
