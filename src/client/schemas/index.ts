/** The JSON Schemas of what commands print with --json, by the name that `mco-deploy schema` knows. */
import { playbookSchema } from '../../playbook/source/schema.ts';
import { anyObject, count, list, milliseconds, object, oneOf, orNull, text, texts, time } from './parts.ts';
import { publishedSchema, publishSchema, pruneSchema } from './publish.ts';
import { runEventSchema } from './run-event.ts';
import { runSchema, runsSchema, statusSchema } from './runs.ts';

const outcome = object({
  node: text,
  outcome: oneOf('ok', 'failed', 'refused', 'no-response', 'cancelled'),
  status: count,
  code: text,
  message: text,
  hint: text,
  data: anyObject,
  elapsed_ms: milliseconds,
});

const problem = { node: text, code: text, message: text };

const schemas = {
  error: {
    description: 'What a command prints on standard error, as its last line, when it ends with an error.',
    ...object({ error: object({ code: text, message: text, hint: text }), exit_code: count }),
  },
  'run-event': runEventSchema,
  ping: object({
    nodes: list(object({ node: text, elapsed_ms: milliseconds, version: text, path: texts, warnings: texts })),
    broken: list(object(problem)),
    silent: list(object({ node: text, last_seen: orNull(time), by: text })),
    rumours: object({ count, examples: list(object(problem)) }),
    elapsed_ms: milliseconds,
  }),
  find: list(object({ node: text, version: text, agents: texts, classes: texts, facts: anyObject })),
  facts: object({
    fact: text,
    values: list(object({ value: {}, count, nodes: texts })),
    absent: texts,
  }),
  inventory: object({
    node: text,
    version: text,
    agents: list(object({ name: text, version: text })),
    classes: texts,
    facts: anyObject,
    warnings: texts,
  }),
  rpc: list(outcome),
  runs: runsSchema,
  run: runSchema,
  status: statusSchema,
  publish: publishSchema,
  published: publishedSchema,
  prune: pruneSchema,
  explain: object({ code: text, meaning: text, fix: text }),
  playbook: playbookSchema,
} as const;

export const outputSchemas: Readonly<Record<string, object>> = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [
    name,
    { $schema: 'http://json-schema.org/draft-07/schema#', title: `mco-deploy ${name}`, ...schema },
  ]),
);
