import type { FromSchema } from 'json-schema-to-ts';

/** `agents.package` in node.yaml. */
export const packageConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['packages', 'sudo', 'lock_wait'],
  properties: {
    /** Packages that callers may install and update; `*` stands for any text: `php8.2-*`, or `*` for every package. */
    packages: {
      type: 'array',
      maxItems: 1024,
      items: { type: 'string', pattern: '^[A-Za-z0-9*][A-Za-z0-9+._*-]*$', maxLength: 200 },
      default: [],
    },
    /** By default apt if the host has it, else dnf. */
    manager: { type: 'string', enum: ['apt', 'dnf'] },
    /** Runs the package manager through `sudo -n`, for a daemon that is not root. */
    sudo: { type: 'boolean', default: false },
    /** Seconds to wait for another program that holds the package manager's lock. */
    lock_wait: { type: 'integer', minimum: 0, maximum: 600, default: 60 },
  },
} as const;

export type PackageConfig = FromSchema<typeof packageConfigSchema>;
