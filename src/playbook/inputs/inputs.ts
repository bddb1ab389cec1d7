/** Binds the values from the command line, the configuration and the defaults to a playbook's inputs. */

import { Problem } from '../../core/errors.ts';
import { compilePattern } from '../../core/filter/pattern.ts';
import type { JsonObject } from '../../core/json.ts';
import { suggest } from '../../core/text.ts';
import { parseDuration } from '../expressions/duration.ts';
import type { InputSource } from '../source/schema.ts';
import type { Playbook } from '../model.ts';

const longest = 4096;

/**
 * @param values by name; text is converted to the input's type. All of them must be known.
 * @param defaults used for inputs that are not given; unknown ones are ignored
 * @returns every input of the playbook; one that is neither given nor required is null
 * @throws Problem `bad-input` naming the input, what is wrong with it and what is expected
 */
export function bindInputs(
  { name: playbook, inputs }: Pick<Playbook, 'name' | 'inputs'>,
  values: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>> = {},
): JsonObject {
  for (const name of Object.keys(values)) {
    if (!Object.hasOwn(inputs, name)) {
      throw new Problem('bad-input', `${playbook} has no input “${name}”`, suggest(name, Object.keys(inputs)));
    }
  }
  return Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [
      name,
      bindInput(name, input, pick(values, name), pick(defaults, name)),
    ]),
  );
}

function pick(values: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function bindInput(name: string, input: InputSource, typed: unknown, configured: unknown): unknown {
  const value = typed ?? configured ?? input.default;
  if (value !== undefined && value !== null) return checkInput(name, input, value);
  if (isRequired(input)) {
    const { env, file } = input.from ?? {};
    const elsewhere = env !== undefined ? `, or set ${env}` : file !== undefined ? `, or write it to ${file}` : '';
    const what = `give ${name}=…${elsewhere}${input.description === undefined ? '' : ` (${input.description})`}`;
    throw new Problem('bad-input', `the input “${name}” is missing`, what);
  }
  return null;
}

export function isRequired(input: InputSource): boolean {
  return input.required ?? input.default === undefined;
}

/** The value in the input's type. @throws Problem `bad-input` */
export function checkInput(name: string, input: InputSource, value: unknown): unknown {
  const refuse = (expected: string): never => {
    const shown = input.sensitive === true ? '' : ` “${String(value).slice(0, 80)}”`;
    throw new Problem('bad-input', `the input “${name}” can’t be${shown}`, `it must be ${expected}`);
  };
  const converted = convert(input.type ?? 'string', value);
  if (converted === undefined) return refuse(words[input.type ?? 'string']);
  for (const one of Array.isArray(converted) ? converted : [converted]) checkOne(input, one, refuse);
  return converted;
}

const words = {
  string: `text of at most ${longest} characters without control characters`,
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  list: 'a list of texts: a,b,c',
  duration: 'seconds, or like 500ms, 10s, 2m, 1h, up to 24h',
} as const;

function convert(type: NonNullable<InputSource['type']>, value: unknown): unknown {
  switch (type) {
    case 'string':
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : textOf(value);
    case 'boolean':
      return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined;
    case 'integer':
      return numberOf(value, /^-?\d{1,16}$/, Number.isSafeInteger);
    case 'number':
      return numberOf(value, /^-?\d{1,16}(\.\d{1,16})?$/, Number.isFinite);
    case 'duration':
      return isDuration(value) ? String(value) : undefined;
    case 'list': {
      const items = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : undefined;
      const texts = items?.map((item: unknown) => (typeof item === 'number' ? String(item) : textOf(item)));
      return texts === undefined || texts.length > 1000 || texts.includes(undefined) ? undefined : texts;
    }
  }
}

function isDuration(value: unknown): boolean {
  return (typeof value === 'number' || typeof value === 'string') && parseDuration(value) !== undefined;
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > longest) return undefined;
  return /[\x00-\x08\x0b-\x1f\x7f]/.test(value) ? undefined : value;
}

function numberOf(value: unknown, form: RegExp, fits: (number: number) => boolean): number | undefined {
  const number = typeof value === 'string' && form.test(value) ? Number(value) : value;
  return typeof number === 'number' && fits(number) ? number : undefined;
}

function checkOne(input: InputSource, value: unknown, refuse: (expected: string) => never): void {
  if (input.enum !== undefined && !input.enum.includes(value)) refuse(`one of ${input.enum.map(String).join(', ')}`);
  if (typeof value === 'number') {
    if (input.minimum !== undefined && value < input.minimum) refuse(`at least ${input.minimum}`);
    if (input.maximum !== undefined && value > input.maximum) refuse(`at most ${input.maximum}`);
  }
  if (input.pattern !== undefined && typeof value === 'string') {
    if (!compilePattern(`^(?:${input.pattern})$`)(value)) refuse(`like ${input.pattern}`);
  }
}
