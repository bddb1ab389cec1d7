/** The values of the language. Whole numbers are bigints, fractions are numbers: 6 / 2 and 6 / 2.0 print differently. */
import { parseNumber } from '../lexer/number.ts';

export type Value = undefined | boolean | bigint | number | string | List | Hash | Reference | Pattern;

export type List = readonly Value[];

export type Hash = ReadonlyMap<Value, Value>;

/** A type (`Mcollective`), or with a title one resource (`Mcollective[update]`). */
export interface Reference {
  readonly reference: string;
  readonly title?: string;
  /** Of a data type: `Enum[a, b]`. */
  readonly parameters?: List;
}

/** A regular expression, in RE2's syntax. */
export interface Pattern {
  readonly pattern: string;
}

export function isList(value: Value): value is List {
  return Array.isArray(value);
}

export function isHash(value: Value): value is Hash {
  return value instanceof Map;
}

export function isReference(value: Value): value is Reference {
  return typeof value === 'object' && 'reference' in value;
}

export function isPattern(value: Value): value is Pattern {
  return typeof value === 'object' && 'pattern' in value;
}

/** An empty string counts as false, as it did when these scripts were written. */
export function isTrue(value: Value): boolean {
  return value !== undefined && value !== false && value !== '';
}

/** The name of a value's kind in a message. */
export function kindOf(value: Value): string {
  if (value === undefined) return 'undef';
  if (isList(value)) return 'a list';
  if (isHash(value)) return 'a hash';
  if (isPattern(value)) return 'a regex';
  if (isReference(value)) return 'a reference';
  const kinds: Readonly<Record<string, string>> = { bigint: 'a number', number: 'a number', boolean: 'a boolean' };
  return kinds[typeof value] ?? 'a string';
}

/** A number, or a string that looks like one. */
export function numberIn(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return typeof value === 'string' ? parseNumber(value.trim()) : undefined;
}

/** All members of nested lists. */
export function flatten(list: List): Value[] {
  return list.flatMap((value) => (isList(value) ? flatten(value) : [value]));
}

/** A value as text in a string: undef is empty. */
export function toText(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return formatFraction(value);
  if (isList(value)) return `[${value.map(toText).join(', ')}]`;
  if (isHash(value)) return `{${[...value].map(([key, one]) => `${toText(key)} => ${toText(one)}`).join(', ')}}`;
  if (isPattern(value)) return `/${value.pattern}/`;
  if (!isReference(value)) return String(value);
  const { reference, title } = value;
  return title === undefined ? formatReference(value) : `${capitalise(reference)}['${title}']`;
}

export function formatReference({ reference, title, parameters }: Reference): string {
  const name = capitalise(reference);
  if (parameters !== undefined) return `${name}[${parameters.map(toText).join(', ')}]`;
  return title === undefined ? name : `${name}[${title}]`;
}

/** `app::update` becomes `App::Update`. */
export function capitalise(type: string): string {
  return type
    .split('::')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('::');
}

/** A fraction is always recognisable: 3.0, 1.0e+20. */
function formatFraction(value: number): string {
  const text = String(value);
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude >= 1e16 || magnitude < 1e-4)) {
    const [digits = '', power = '0'] = value.toExponential().split('e');
    const [sign, exponent] = [power.startsWith('-') ? '-' : '+', power.replace(/^[+-]/, '').padStart(2, '0')];
    return `${digits.includes('.') ? digits : `${digits}.0`}e${sign}${exponent}`;
  }
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
