import type { FromSchema } from 'json-schema-to-ts';
import { largestArtifact } from '../../core/publish/limits.ts';

const gibibyte = 1024 * 1024 * 1024;

/** The section `publish` of node.yaml. */
export const publishConfigSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['applications'],
  properties: {
    applications: {
      description: 'The applications whose artifacts the node takes, by name; no other ones',
      type: 'object',
      minProperties: 1,
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', maxLength: 64 },
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        properties: {
          publishers: {
            description: 'Only these operators may publish it, as cert=NAME; each that the policy allows when left out',
            type: 'array',
            items: { type: 'string', pattern: '^cert=.+$', maxLength: 256 },
            minItems: 1,
            maxItems: 256,
          },
        },
      },
    },
    max_size: {
      description: 'Bytes of one artifact',
      type: 'integer',
      minimum: 1,
      maximum: largestArtifact,
      default: gibibyte,
    },
    max_total: {
      description: 'Bytes of all published artifacts',
      type: 'integer',
      minimum: 1,
      default: 10 * gibibyte,
    },
    keep: {
      description: 'Artifacts of one application; beyond these, the oldest is removed when another arrives',
      type: 'integer',
      minimum: 2,
      maximum: 1000,
      default: 10,
    },
    serve: {
      description: 'Other nodes that are sent an artifact at once',
      type: 'integer',
      minimum: 1,
      maximum: 64,
      default: 4,
    },
  },
} as const;

export type PublishConfig = FromSchema<typeof publishConfigSchema>;
