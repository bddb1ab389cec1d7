/**
 * An agent's description in Choria's form (NAME.json). Other keys are ignored; `kind`, `repeatable` and `sensitive` are
 * ours, and optional.
 */
const words = { type: 'string', maxLength: 4096 } as const;
const name = { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' } as const;

const inputSchema = {
  type: 'object',
  required: ['type'],
  properties: {
    prompt: words,
    description: words,
    type: {
      type: 'string',
      enum: ['string', 'integer', 'float', 'number', 'boolean', 'list', 'hash', 'array'],
    },
    optional: { type: 'boolean' },
    validation: { type: 'string', maxLength: 256 },
    maxlength: { type: 'integer', minimum: 0, maximum: 1_000_000 },
    list: { type: 'array', minItems: 1, maxItems: 1000, items: { type: 'string', maxLength: 1000 } },
    enum: { type: 'array', minItems: 1, maxItems: 1000, items: { type: 'string', maxLength: 1000 } },
    sensitive: { type: 'boolean' },
  },
} as const;

const outputSchema = {
  type: 'object',
  properties: { description: words, display_as: words, type: { type: ['string', 'null'], maxLength: 64 } },
} as const;

const actionSchema = {
  type: 'object',
  required: ['action', 'description'],
  properties: {
    action: name,
    description: words,
    display: { type: 'string', enum: ['ok', 'failed', 'always'] },
    kind: { type: 'string', enum: ['read', 'change'] },
    repeatable: { type: 'boolean' },
    input: { type: ['object', 'null'], maxProperties: 64, propertyNames: name, additionalProperties: inputSchema },
    output: { type: ['object', 'null'], maxProperties: 256, propertyNames: name, additionalProperties: outputSchema },
    aggregate: {
      type: ['array', 'null'],
      maxItems: 32,
      items: {
        type: 'object',
        required: ['function', 'args'],
        properties: { function: words, args: { type: 'array', minItems: 1, items: {} } },
      },
    },
  },
} as const;

export const choriaDdlSchema = {
  type: 'object',
  required: ['metadata', 'actions'],
  properties: {
    metadata: {
      type: 'object',
      required: ['name', 'description', 'author', 'license', 'version', 'timeout'],
      properties: {
        name,
        description: words,
        author: words,
        license: words,
        version: { type: 'string', maxLength: 128 },
        url: words,
        timeout: { type: 'number', exclusiveMinimum: 0, maximum: 86_400 },
      },
    },
    actions: { type: 'array', minItems: 1, maxItems: 200, items: actionSchema },
  },
} as const;

export interface ChoriaInput {
  readonly type: 'string' | 'integer' | 'float' | 'number' | 'boolean' | 'list' | 'hash' | 'array';
  readonly prompt?: string;
  readonly description?: string;
  readonly optional?: boolean;
  readonly default?: unknown;
  /** A regex, or the name of a validator. */
  readonly validation?: string;
  /** Characters of a string; 0 means no limit. */
  readonly maxlength?: number;
  /** The allowed values of a `list`. */
  readonly list?: readonly string[];
  readonly enum?: readonly string[];
  readonly sensitive?: boolean;
}

export interface ChoriaOutput {
  readonly description?: string;
  readonly display_as?: string;
  readonly type?: string | null;
  readonly default?: unknown;
}

export interface ChoriaAction {
  readonly action: string;
  readonly description: string;
  readonly display?: 'ok' | 'failed' | 'always';
  readonly kind?: 'read' | 'change';
  readonly repeatable?: boolean;
  readonly input?: Readonly<Record<string, ChoriaInput>> | null;
  readonly output?: Readonly<Record<string, ChoriaOutput>> | null;
  readonly aggregate?: readonly { readonly function: string; readonly args: readonly unknown[] }[] | null;
}

export interface ChoriaDdl {
  readonly metadata: {
    readonly name: string;
    readonly description: string;
    readonly author: string;
    readonly license: string;
    readonly version: string;
    readonly url?: string;
    /** Seconds. */
    readonly timeout: number;
  };
  readonly actions: readonly ChoriaAction[];
}
