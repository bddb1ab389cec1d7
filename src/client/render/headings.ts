import type { ActionDdl } from '../../core/ddl/ddl.ts';

/** The titles of an action's outputs, by their names. */
export function headingsOf({ output }: ActionDdl): Map<string, string> {
  const properties = (output as { properties?: Record<string, unknown> }).properties ?? {};
  const headings = new Map<string, string>();
  for (const [name, schema] of Object.entries(properties)) {
    if (typeof schema === 'object' && schema !== null && 'x-display-as' in schema)
      headings.set(name, String(schema['x-display-as']));
  }
  return headings;
}
