/** The output of commands that read nodes with --json. */
import {
  anyObject,
  count,
  flag,
  list,
  milliseconds,
  object,
  oneOf,
  orNull,
  runId,
  text,
  texts,
  time,
} from './parts.ts';

const problem = { node: text, code: text, message: text };

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

const state = oneOf('OK', 'WARNING', 'CRITICAL', 'UNKNOWN');

export const nodeSchemas = {
  ping: object({
    nodes: list(object({ node: text, elapsed_ms: milliseconds, version: text, path: texts, warnings: texts })),
    broken: list(object(problem)),
    silent: list(object({ node: text, last_seen: orNull(time), by: text })),
    rumours: object({ count, more: flag, examples: list(object(problem)) }),
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
  'rpc-detach': object({ job: text, outcomes: list(outcome) }),
  nrpe: object({
    check: text,
    exitcode: count,
    states: { type: 'object', additionalProperties: count },
    nodes: list(object({ node: text, outcome: outcome.properties.outcome, state, output: text, perfdata: text })),
  }),
  locks: list(object({ name: text, caller: text, run: orNull(runId), from: text, since: time, nodes: texts })),
  'locks-break': list(object({ node: text, broken: { const: true }, caller: text, run: text })),
  forget: object({ node: text, forgotten: time, last_seen: orNull(time) }),
  doctor: list(
    object({
      side: oneOf('node', 'client'),
      check: text,
      verdict: oneOf('ok', 'warning', 'broken'),
      what: text,
      fix: text,
    }),
  ),
} as const;
