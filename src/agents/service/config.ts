import type { FromSchema } from 'json-schema-to-ts';

/** What may be done to a unit; its status may always be read. */
const unitActions = ['start', 'stop', 'restart', 'reload', 'enable', 'disable'] as const;
export type UnitAction = (typeof unitActions)[number];

/** `agents.service` in node.yaml. */
export const serviceConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['units', 'sudo', 'wait', 'settle', 'journal_lines'],
  properties: {
    /** The units of systemd that callers may work on, and what they may do to each: `nginx.service: [reload, restart]`. */
    units: {
      type: 'object',
      maxProperties: 256,
      propertyNames: { pattern: '^[A-Za-z0-9:_.@\\\\-]{1,240}\\.(service|socket|timer|target|path|mount)$' },
      additionalProperties: { type: 'array', items: { type: 'string', enum: unitActions }, uniqueItems: true },
      default: {},
    },
    /** Runs systemctl through `sudo -n`, for a daemon that is not root where polkit has no rule. */
    sudo: { type: 'boolean', default: false },
    /** Seconds until a unit must have come up or gone down. */
    wait: { type: 'number', exclusiveMinimum: 0, maximum: 600, default: 60 },
    /** Seconds that a unit must stay up, without a restart, until it counts as active. */
    settle: { type: 'number', minimum: 0, maximum: 60, default: 1 },
    /** Lines of the unit's journal that a failure shows. */
    journal_lines: { type: 'integer', minimum: 0, maximum: 200, default: 10 },
  },
} as const;

export type ServiceConfig = FromSchema<typeof serviceConfigSchema>;
