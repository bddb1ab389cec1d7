/** Values of replies for people: lists of objects as tables, objects as fields, times as dates. */
import { count } from '../../core/text.ts';
import { isObject } from '../../core/json.ts';
import { formatTable } from './table.ts';
import { ago } from './times.ts';

/** @param now milliseconds since the epoch @returns the lines; a value of several lines begins on a new one */
export function valueLines(value: unknown, schema: unknown, now: number): string[] {
  if (isObjects(value)) return tableLines(value, itemsOf(schema), now);
  if (isObject(value)) return fieldLines(value, schema, now);
  return valueText(value, schema, now).split('\n');
}

/** A value within one line, or within one cell of a table. */
function valueText(value: unknown, schema: unknown, now: number): string {
  const time = timeOf(value, schema);
  if (time !== undefined) return time === 0 ? '-' : `${new Date(time).toISOString().slice(0, 19)}Z (${ago(time, now)})`;
  if (value === undefined || value === null) return '-';
  if (isObjects(value)) return value.map((one) => `{${valueText(one, itemsOf(schema), now)}}`).join(' ');
  if (Array.isArray(value))
    return value.length === 0 ? '-' : value.map((one) => valueText(one, itemsOf(schema), now)).join(', ');
  if (!isObject(value)) return String(value);
  const properties = propertiesOf(schema);
  return Object.entries(value)
    .map(([key, one]) => `${key}=${valueText(one, properties[key], now)}`)
    .join(' ');
}

function isObjects(value: unknown): value is readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => isObject(one));
}

function tableLines(rows: readonly Readonly<Record<string, unknown>>[], schema: unknown, now: number): string[] {
  const properties = propertiesOf(schema);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => cellOf(row[column], properties[column], now)));
  return formatTable(columns, cells);
}

function fieldLines(fields: Readonly<Record<string, unknown>>, schema: unknown, now: number): string[] {
  const properties = propertiesOf(schema);
  const width = Math.max(0, ...Object.keys(fields).map((key) => key.length));
  return Object.entries(fields).flatMap(([key, value]) => {
    const [first = '', ...more] = valueLines(value, properties[key], now);
    if (more.length === 0 && !isObject(value)) return [`${key.padEnd(width)}  ${first}`.trimEnd()];
    return [key, ...[first, ...more].map((line) => `  ${line}`)];
  });
}

/**
 * Text in one cell, on one line; empty text is shown as empty.
 * @param whole whether objects in a list are written out: there may be many, and each is long
 */
export function cellOf(value: unknown, schema: unknown, now: number, whole = false): string {
  if (!whole && isObjects(value)) return count(value.length, 'item');
  const text = valueText(value, schema, now).replaceAll(/\s+/g, ' ');
  return text === '' ? '-' : text;
}

/** Milliseconds since the epoch, where the schema says that the number is a time; 0 for an unknown one. */
function timeOf(value: unknown, schema: unknown): number | undefined {
  const unit = isObject(schema) ? schema['x-unit'] : undefined;
  if (typeof value !== 'number' || (unit !== 'epoch-s' && unit !== 'epoch-ms')) return undefined;
  const time = unit === 'epoch-s' ? value * 1000 : value;
  return Math.abs(time) <= 8.64e15 ? time : undefined;
}

function itemsOf(schema: unknown): unknown {
  return isObject(schema) ? schema.items : undefined;
}

export function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> {
  return isObject(schema) && isObject(schema.properties) ? schema.properties : {};
}
