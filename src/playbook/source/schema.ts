/** The file format of playbooks: its JSON Schema, which editors can use, and the types derived from it. */
import { stepProperties } from './step-schema.ts';

const text = { type: 'string', maxLength: 4096 } as const;
const name = { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' } as const;
const terms = { type: 'array', maxItems: 64, items: text } as const;
const named = { type: 'object', propertyNames: name } as const;

const input = {
  type: 'object',
  additionalProperties: false,
  properties: {
    description: text,
    type: {
      description: 'What the value must be (default: string). A list is given as a,b,c on the command line.',
      type: 'string',
      enum: ['string', 'integer', 'number', 'boolean', 'list', 'duration'],
    },
    enum: { description: 'The values that are allowed.', type: 'array', minItems: 1, maxItems: 256 },
    pattern: { description: 'A regular expression that the whole value must match.', ...text },
    minimum: { type: 'number' },
    maximum: { type: 'number' },
    default: { description: 'The default.' },
    required: {
      description: 'Whether it is required. True unless there is a default; without both it is null.',
      type: 'boolean',
    },
    sensitive: { description: 'Never written to the journal or shown.', type: 'boolean' },
    from: {
      description: 'Where the value comes from when it is not given; the path of a file is relative to the playbook.',
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      maxProperties: 1,
      properties: {
        env: { type: 'string', pattern: '^[A-Za-z_][A-Za-z0-9_]{0,127}$' },
        file: { type: 'string', minLength: 1, maxLength: 4096 },
      },
    },
  },
} as const;

const nodeSet = {
  description: 'Nodes found by discovery. All kinds of terms must match; identities are alternatives.',
  type: 'object',
  additionalProperties: false,
  properties: {
    description: text,
    agents: { description: 'Agents that the node runs.', ...terms },
    classes: { description: 'Classes, or /regular expressions/.', ...terms },
    facts: { description: 'Terms like cluster=bravo.', ...terms },
    identities: { description: 'Names, or /regular expressions/.', ...terms },
    select: { description: 'A compound filter expression.', ...text },
    if: { description: 'The set is empty where this expression is false.', ...text },
    at_least: { description: 'How many there must be (default 1).', type: 'integer', minimum: 0, maximum: 100_000 },
    limit: { description: 'The most that are used, in the order of their names.', type: 'integer', minimum: 1 },
    source: {
      description: 'How they are discovered (default: as the client is configured).',
      type: 'string',
      enum: ['mdns', 'file', 'dns', 'cache', 'exec', 'consul', 'puppetdb', 'sql'],
    },
    file: { description: 'The file of nodes, for the source “file”; relative to the playbook.', ...text },
    when_empty: { description: 'The message when there are too few.', ...text },
    expected: {
      description:
        'Names of nodes, or an expression that gives them: only these are missing when they are silent (default: all).',
      type: ['array', 'string'],
      maxItems: 1000,
      maxLength: 4096,
      items: text,
    },
    allow_missing: {
      description: 'Continue although a node that is known to belong here is silent or broken.',
      type: 'boolean',
    },
  },
} as const;

const steps = {
  type: 'array',
  maxItems: 256,
  items: { $ref: '#/definitions/step' },
} as const;

const notify = {
  description:
    'Who is notified when the run succeeds, fails or is interrupted: success by the message given, failure by what failed, what is out of traffic and what to do.',
  type: 'object',
  additionalProperties: false,
  required: ['to'],
  properties: {
    to: {
      description: 'The recipient, as a URL like mailto:ops@example.net; nobody where an expression gives null.',
      ...text,
    },
    if: { description: 'Nobody is notified where this expression is false. May use inputs.', ...text },
    success: { description: 'The message after a success (default: who ran what).', ...text },
    subject: { description: 'One line (default: mco-deploy).', ...text },
    on: { description: 'The node set that sends (default: every node that runs the agent angelia).', ...name },
  },
} as const;

export const playbookSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'mco-deploy playbook',
  type: 'object',
  additionalProperties: false,
  required: ['name', 'steps'],
  definitions: { step: { type: 'object', additionalProperties: false, properties: stepProperties } },
  properties: {
    name,
    description: text,
    label: { description: 'The prefix of each line of a run (default: the name). May use inputs.', ...text },
    uses: {
      description: 'Versions that agents must have on the nodes: >=0.2, ~1.2, ^1.',
      type: 'object',
      maxProperties: 64,
      propertyNames: { type: 'string', pattern: '^[a-z][a-z0-9_]*$' },
      additionalProperties: { type: 'string', minLength: 1, maxLength: 100 },
    },
    inputs: { ...named, additionalProperties: input },
    nodes: { ...named, additionalProperties: nodeSet },
    steps: { description: 'In order: each needs the one before, unless it has “needs”.', minItems: 1, ...steps },
    on_failure: { description: 'Run, in order, after a step has failed or the run was interrupted.', ...steps },
    always: { description: 'Run, in order, at the end of every run that started, however it ended.', ...steps },
    notify,
    lock: {
      description:
        'The lease that keeps other runs out (default: the input cluster, else the list of backends). May use inputs.',
      ...text,
    },
  },
} as const;

export interface InputSource {
  readonly description?: string;
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'list' | 'duration';
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly required?: boolean;
  readonly sensitive?: boolean;
  readonly from?: { readonly env?: string; readonly file?: string };
}

export interface NodeSetSource {
  readonly description?: string;
  readonly agents?: readonly string[];
  readonly classes?: readonly string[];
  readonly facts?: readonly string[];
  readonly identities?: readonly string[];
  readonly select?: string;
  readonly if?: string;
  readonly at_least?: number;
  readonly limit?: number;
  readonly source?: 'mdns' | 'file' | 'dns' | 'cache' | 'exec' | 'consul' | 'puppetdb' | 'sql';
  readonly file?: string;
  readonly when_empty?: string;
  readonly expected?: string | readonly string[];
  readonly allow_missing?: boolean;
}

export type BatchSize = number | string;

/** Nested steps. */
export interface GroupSource {
  readonly steps: readonly StepSource[];
  readonly on_failure?: readonly StepSource[];
}

export interface RollingSource extends GroupSource {
  readonly over: string;
  readonly batch?: BatchSize | readonly BatchSize[];
  readonly batch_sleep?: number | string;
}

export interface ForEachSource extends GroupSource {
  readonly in: unknown;
}

export interface WaitForSource {
  readonly tcp?: string;
  readonly url?: string;
  readonly status?: number | string;
  readonly body?: string;
  readonly timeout?: number | string;
  readonly every?: number | string;
}

/** The end of a run that a step made of `notify` notifies of. */
export type RunEndNotice = 'success' | 'failure';

export interface StepSource {
  readonly id?: string;
  readonly name?: string;
  readonly internal?: boolean;
  readonly fail_ok?: boolean;
  /** Notifies of the run's end. Of a success: its failure does not undo that. No key of a file. */
  readonly notifies?: RunEndNotice;
  readonly if?: string;
  readonly needs?: string | readonly string[];
  readonly call?: string;
  readonly on?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly batch?: BatchSize | readonly BatchSize[];
  readonly batch_sleep?: number | string;
  readonly tries?: number | string;
  readonly try_sleep?: number | string;
  readonly timeout?: number | string;
  readonly until?: string;
  readonly passes?: number | string;
  readonly max_failures?: number | string;
  readonly limit?: number | string;
  readonly failover?: boolean;
  readonly dry_run?: boolean;
  readonly reassert?: string | readonly string[];
  readonly rolling?: RollingSource;
  readonly for_each?: ForEachSource;
  readonly use?: string;
  readonly confirm?: string;
  readonly pause?: number | string;
  readonly wait_for?: WaitForSource;
  readonly say?: string;
  readonly cow?: boolean;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly require?: string;
  readonly message?: string;
  readonly next?: string;
  readonly finish?: string;
}

export interface NotifySource {
  readonly to: string;
  readonly if?: string;
  readonly success?: string;
  readonly subject?: string;
  readonly on?: string;
}

export interface PlaybookSource {
  readonly name: string;
  readonly description?: string;
  readonly label?: string;
  readonly uses?: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, InputSource>>;
  readonly nodes?: Readonly<Record<string, NodeSetSource>>;
  readonly steps: readonly StepSource[];
  readonly on_failure?: readonly StepSource[];
  readonly always?: readonly StepSource[];
  readonly notify?: NotifySource;
  readonly lock?: string;
}
