import { isObject, type JsonObject } from '../../core/json.ts';

/** The side of a call that a schema describes: an input with a default may be omitted, an output may not. */
export type Side = 'input' | 'output';

/**
 * The TypeScript type of a JSON Schema, as far as types can express it: the check of the call covers patterns, lengths
 * and ranges.
 */
export function typeOf(schema: unknown, side: Side, indent = ''): string {
  if (!isObject(schema)) return schema === false ? 'never' : 'unknown';
  if ('const' in schema) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return union(schema.enum.map((value) => JSON.stringify(value)));
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(alternatives)) return union(alternatives.map((one) => typeOf(one, side, indent)));
  const { type } = schema;
  if (Array.isArray(type)) return union(type.map((one) => typeOf({ ...schema, type: one }, side, indent)));
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string' || type === 'boolean' || type === 'null') return type;
  if (type === 'array') return `readonly ${inList(typeOf(schema.items, side, indent))}[]`;
  return type === 'object' ? objectType(schema, side, indent) : 'unknown';
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(' | ');
}

function inList(type: string): string {
  return /^[\w.]+$/.test(type) || type.startsWith('{') ? type : `(${type})`;
}

function objectType(schema: JsonObject, side: Side, indent: string): string {
  const properties = Object.entries(isObject(schema.properties) ? schema.properties : {});
  const rest = schema.additionalProperties;
  if (properties.length === 0) {
    if (rest === false) return 'Readonly<Record<string, never>>';
    return `Readonly<Record<string, ${isObject(rest) ? typeOf(rest, side, indent) : 'unknown'}>>`;
  }
  const required = new Set(Array.isArray(schema.required) ? schema.required : []);
  const inner = `${indent}  `;
  const lines = properties.map(([name, property]) => {
    const isOptional = !required.has(name) || (side === 'input' && isObject(property) && 'default' in property);
    const key = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
    return `${describe(property, inner)}${inner}readonly ${key}${isOptional ? '?' : ''}: ${typeOf(property, side, inner)};`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

/** The prompt for it, or its title, as a comment. */
function describe(schema: unknown, indent: string): string {
  if (!isObject(schema)) return '';
  const text = schema['x-prompt'] ?? schema.description;
  return typeof text === 'string' ? comment(text, indent) : '';
}

/** One line, which nothing in the text can end early. */
export function comment(text: string, indent: string): string {
  return `${indent}/** ${text.replaceAll(/\s+/g, ' ').replaceAll('*/', '*\\/')} */\n`;
}
