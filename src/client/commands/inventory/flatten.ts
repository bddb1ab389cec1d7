import { isObject } from '../../../core/json.ts';

/** More facts than this are a mistake, and would only scroll by. */
const most = 10_000;

/** Facts as readable lines, sorted: nested ones under the dotted name that filters use, lists as JSON. */
export function flattenFacts(facts: Readonly<Record<string, unknown>>): [name: string, value: string][] {
  const flat: [string, string][] = [];
  const rest = Object.entries(facts);
  for (let next = rest.pop(); next !== undefined && flat.length < most; next = rest.pop()) {
    const [name, value] = next;
    if (isObject(value) && Object.keys(value).length > 0)
      rest.push(...Object.entries(value).map(([key, inner]): [string, unknown] => [`${name}.${key}`, inner]));
    else flat.push([name, typeof value === 'string' ? value : JSON.stringify(value)]);
  }
  return flat.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
