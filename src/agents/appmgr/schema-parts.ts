import { absolutePath } from '../../core/ddl/patterns.ts';

/** Parts that the schemas of appmgr's configuration share. */
export const path = { type: 'string', pattern: absolutePath, maxLength: 1024 } as const;

export const argv = {
  type: 'array',
  items: { type: 'string', maxLength: 4096, pattern: '^[^\\u0000]*$' },
  minItems: 1,
  maxItems: 64,
} as const;

export function seconds<const Most extends number, const Default extends number>(maximum: Most, value: Default) {
  return { type: 'number', exclusiveMinimum: 0, maximum, default: value } as const;
}
