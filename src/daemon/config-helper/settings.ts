import { join } from 'node:path';
import type { FromSchema } from 'json-schema-to-ts';
import { readDocument } from '../../core/files/yaml/document.ts';
import { fileKinds } from '../../core/node-files/kinds.ts';

const argv = {
  type: 'array',
  items: { type: 'string', minLength: 1, maxLength: 4096 },
  maxItems: 32,
  default: [],
} as const;

/**
 * helper.yaml: it is beside node.yaml, belongs to root, and has no kind, so that it is never written over the fabric.
 */
export const helperSettingsSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    /** Restarts the daemon; empty if a person does that. */
    restart: argv,
    /** Makes the daemon read policies, facts and classes again. */
    reload: argv,
    /** Seconds within which a change must be confirmed. */
    patience: { type: 'number', minimum: 1, maximum: 600, default: 60 },
    /** The allowed difference of a caller’s clock, in seconds. */
    clock_grace: { type: 'number', minimum: 0, maximum: 600, default: 10 },
    /** The kinds of files that each operator may write. */
    rights: {
      type: 'object',
      default: {},
      additionalProperties: { type: 'array', items: { type: 'string', enum: fileKinds }, uniqueItems: true },
    },
  },
  required: ['restart', 'reload', 'patience', 'clock_grace', 'rights'],
} as const;

export type HelperSettings = FromSchema<typeof helperSettingsSchema>;

const helperSettingsName = 'helper.yaml';

/** @throws Problem `unreadable-file`, `bad-configuration` */
export async function readHelperSettings(directory: string): Promise<HelperSettings> {
  const file = join(directory, helperSettingsName);
  const { value } = await readDocument<HelperSettings>(file, 'configuration', 'config/helper', helperSettingsSchema);
  return value;
}
