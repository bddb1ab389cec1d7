/** JSON Schema of all kinds of step together; each kind itself checks its own keys. */
import { rollingBatch } from './defaults.ts';

const text = { type: 'string', maxLength: 4096 } as const;
const name = { type: 'string', pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' } as const;
const expression = (description: string) => ({ description, ...text });
/** A value, or an expression that returns one: the step itself decides which texts are valid. */
const duration = (description: string) =>
  ({
    description: `${description}: seconds, or like 500ms, 10s, 2m, 1h; an expression may give it.`,
    type: ['number', 'string'],
    minimum: 0,
    maximum: 86_400,
    maxLength: 4096,
  }) as const;
const number = (description: string, maximum: number) =>
  ({
    description: `${description}; an expression may give it.`,
    type: ['integer', 'string'],
    minimum: 1,
    maximum,
    maxLength: 4096,
  }) as const;
const share = { type: ['integer', 'string'], minimum: 1, maxLength: 4096 } as const;
const batch = (description: string) =>
  ({
    description,
    type: ['integer', 'string', 'array'],
    minimum: 1,
    maxLength: 4096,
    minItems: 1,
    maxItems: 64,
    items: share,
  }) as const;

const steps = { type: 'array', maxItems: 64, items: { $ref: '#/definitions/step' } } as const;
const group = {
  steps: { description: 'The steps of each round.', minItems: 1, ...steps },
  on_failure: { description: 'Run for the round in which a step has failed.', ...steps },
} as const;

/** The common keys of all steps. */
export const commonProperties = {
  id: { description: 'Its name for other steps.', ...name },
  name: { description: 'Its name in the output (default: its id).', ...text },
  internal: { description: 'Shown only with -v, unless it fails.', type: 'boolean' },
  if: expression('The step is skipped where this expression is false.'),
  fail_ok: {
    description: 'The run continues although the step fails; steps.ID.ok is false then.',
    type: 'boolean',
  },
  needs: {
    description: 'The steps that must have succeeded before (default: the one before it).',
    type: ['string', 'array'],
    maxItems: 64,
    items: name,
  },
} as const;

export const stepProperties = {
  ...commonProperties,
  call: { description: 'AGENT.ACTION', type: 'string', pattern: '^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$' },
  on: expression('The name of a node set, or an expression that gives names of nodes.'),
  with: {
    description: 'The inputs of the action, or of the playbook used. One that is null is left out.',
    type: 'object',
  },
  batch: batch(
    'How many nodes at a time: a number, a percentage of all, or a ramp of these whose last one repeats; an expression may give it.',
  ),
  batch_sleep: duration('Between batches'),
  tries: number('How often to try; only nodes that failed are called again', 1000),
  try_sleep: duration('Between tries'),
  timeout: duration('How long each node may take to reply'),
  until: expression('Must be true for each reply; otherwise the node counts as failed.'),
  passes: number('How many times in a row “until” must hold', 100),
  max_failures: { description: 'This many failed nodes (or percent of all) fail the step (default 1).', ...share },
  limit: number('Calls only this many of the nodes', 100_000),
  failover: { description: 'Calls another node for each of the limited ones that fails.', type: 'boolean' },
  dry_run: { description: 'Asks the nodes what they would do, and changes nothing.', type: 'boolean' },
  reassert: {
    description: 'Steps whose changes must still hold: they are repeated before each batch of this one.',
    type: ['string', 'array'],
    maxItems: 16,
    items: name,
  },
  rolling: {
    description: 'Runs steps batch by batch, batch.names are the nodes of a batch; a failure stops further batches.',
    type: 'object',
    additionalProperties: false,
    required: ['over', 'steps'],
    properties: {
      over: expression('The name of a node set, or an expression that gives names of nodes.'),
      batch: batch(`Like batch of a call (default ${rollingBatch}); an expression may give it.`),
      batch_sleep: duration('Between batches'),
      ...group,
    },
  },
  for_each: {
    description: 'Runs steps for each item of a list, in order; the item is called item.',
    type: 'object',
    additionalProperties: false,
    required: ['in', 'steps'],
    properties: {
      in: {
        description: 'A list, or an expression that gives one.',
        type: ['string', 'array'],
        maxLength: 4096,
        maxItems: 1000,
      },
      ...group,
    },
  },
  use: {
    description: 'Another playbook as a step: its path from this one, or the name of a shipped one.',
    ...text,
    minLength: 1,
  },
  confirm: {
    description: 'A question to a person: the step fails unless the answer is yes.',
    ...text,
    minLength: 1,
  },
  pause: {
    description: 'Waits: seconds, or like 500ms, 10s, 2m, 1h; an expression may give it.',
    type: ['number', 'string'],
    minimum: 0,
    maximum: 86_400,
    maxLength: 4096,
  },
  wait_for: {
    description: 'Waits until a port takes connections or a URL answers, as seen from where the run runs.',
    type: 'object',
    additionalProperties: false,
    properties: {
      tcp: { description: 'HOST:PORT', ...text },
      url: { description: 'An http or https URL.', ...text },
      status: {
        description: 'The expected status (default: any of 200 to 299).',
        type: ['integer', 'string'],
        maxLength: 4096,
      },
      body: { description: 'What the body must contain.', ...text },
      timeout: duration('How long to wait (default 60)'),
      every: duration('Between two checks (default 1)'),
    },
  },
  say: { description: 'Text to show.', ...text },
  cow: { description: 'Show the text in a speech bubble of a cow.', type: 'boolean' },
  set: { description: 'Values for later: values.NAME', type: 'object', propertyNames: name },
  require: expression('The step fails where this expression is false.'),
  message: { description: 'Why it failed, for a person.', ...text },
  next: { description: 'The last line of a run that failed here and changed nothing: “to …: COMMAND”.', ...text },
  finish: { description: 'Ends the run successfully and shows this text.', ...text },
} as const;
