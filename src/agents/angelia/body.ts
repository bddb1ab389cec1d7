import type { EndpointConfig } from './config.ts';

/** What a template may name. */
export interface BodyValues {
  readonly id: string;
  readonly subject: string;
  readonly message: string;
  /** The recipient as the caller wrote it, and what follows its scheme. */
  readonly recipient: string;
  readonly address: string;
  readonly node: string;
  readonly caller: string;
  /** ISO 8601. */
  readonly time: string;
}

const defaultFields: Readonly<Record<string, string>> = {
  id: '{id}',
  subject: '{subject}',
  message: '{message}',
  recipient: '{recipient}',
  node: '{node}',
  caller: '{caller}',
  time: '{time}',
};

/** Fills `{name}` in one pass, so that a message can't bring placeholders of its own; unknown ones are left as they are. */
function fill(template: string, values: BodyValues): string {
  return template.replace(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? values[name as keyof BodyValues] : whole,
  );
}

/** What is posted: encoded after it was filled in, so that no value can leave its field. */
export function makeBody({ fields, format }: EndpointConfig, values: BodyValues): { type: string; text: string } {
  const filled = Object.entries(fields ?? defaultFields).map(([name, value]) => [name, fill(value, values)] as const);
  return format === 'form'
    ? {
        type: 'application/x-www-form-urlencoded',
        text: new URLSearchParams(Object.fromEntries(filled)).toString(),
      }
    : { type: 'application/json', text: JSON.stringify(Object.fromEntries(filled)) };
}
