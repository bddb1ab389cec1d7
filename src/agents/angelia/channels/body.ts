import type { EndpointConfig } from '../config.ts';
import { type BodyValues, type Posted, services } from './format.ts';

const defaultFields: Readonly<Record<string, string>> = {
  id: '{id}',
  subject: '{subject}',
  message: '{message}',
  recipient: '{recipient}',
  priority: '{priority}',
  node: '{node}',
  caller: '{caller}',
  time: '{time}',
};

/** Fills `{name}` in one pass, so that a message cannot add placeholders; unknown ones stay as they are. */
function fill(template: string, values: BodyValues): string {
  return template.replace(/\{([a-z]+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? values[name as keyof BodyValues] : whole,
  );
}

export interface Body {
  readonly type: string;
  readonly text: string;
}

/**
 * The posted body: encoded after it was filled in, so that no value can leave its field.
 * @param token for services that need it in the body; empty for others
 */
export function makeBody({ fields, format = 'json' }: EndpointConfig, values: BodyValues, token = ''): Body {
  if (format !== 'json' && format !== 'form') return encode(services[format](values, token));
  const filled = Object.entries(fields ?? defaultFields).map(([name, value]) => [name, fill(value, values)] as const);
  return encode({ as: format, content: Object.fromEntries(filled) });
}

function encode(posted: Posted): Body {
  return posted.as === 'form'
    ? { type: 'application/x-www-form-urlencoded', text: new URLSearchParams(posted.content).toString() }
    : { type: 'application/json', text: JSON.stringify(posted.content) };
}
