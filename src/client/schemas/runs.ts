import { anyObject, count, flag, list, object, oneOf, orNull, runId, text, texts, time } from './parts.ts';

const run = {
  run: runId,
  playbook: text,
  operator: text,
  inputs: anyObject,
  state: oneOf('running', 'cut-off', 'done', 'failed', 'nothing-to-do', 'interrupted'),
  dry_run: flag,
  began: time,
  last: time,
} as const;

const call = object({
  node: text,
  agent: text,
  action: text,
  changes: { ...flag, description: 'The action changes something; false for one that only reads' },
  dry_run: flag,
  try: count,
  outcome: text,
  code: text,
  message: text,
  data: anyObject,
});

const out = object(
  {
    balancer: text,
    backend: text,
    server: text,
    status: text,
    check: text,
    since: count,
    caller: text,
    run: text,
    out_since: count,
    breaks: list(anyObject),
    lines: texts,
    still_serving: texts,
  },
  ['since', 'caller', 'run', 'out_since'],
);

/** `runs --json` */
export const runsSchema = list(object(run));

/** `runs show RUN --json` */
export const runSchema = object({
  ...run,
  steps: list(object({ step: text, state: text, calls: list(call) })),
  out_of_rotation: orNull(list(out)),
});

/** `status --json` */
export const statusSchema = object({
  nodes: list(
    object({
      cluster: text,
      node: text,
      application: text,
      release: text,
      healthy: flag,
      in_traffic: orNull(flag),
      since: orNull(time),
      run: orNull(runId),
      operator: orNull(text),
    }),
  ),
  out_of_traffic: list(out),
  mixed: list(object({ cluster: text, releases: list(object({ release: text, nodes: texts })) })),
  incomplete_runs: list(object(run)),
});
