import {
  anyObject,
  count,
  flag,
  list,
  milliseconds,
  nodeFailure,
  object,
  oneOf,
  orNull,
  runId,
  text,
  texts,
  time,
} from './parts.ts';

const stepState = oneOf('done', 'failed', 'interrupted', 'skipped', 'not-run');

const step = {
  step: { ...text, description: 'Its id, with those of the steps around it' },
  name: { ...text, description: 'What people call it' },
  kind: text,
  title: { ...text, description: 'What it does, such as appmgr#upgrade' },
  internal: flag,
  after_failure: flag,
  dry_run: { ...flag, description: 'Nodes were only asked what they would do' },
  state: stepState,
  elapsed_ms: milliseconds,
  ok: texts,
  failed: list(nodeFailure),
  untouched: texts,
  tries: count,
  lines: texts,
} as const;

/** The result of a run, in its last event and its report. */
export const runResult = {
  failure: orNull(object({ step: text, name: text, reasons: list(nodeFailure) })),
  interruption: orNull(text),
  changes: list(object({ node: text, before: text, after: text })),
  out_of_traffic: list(
    object({
      backend: text,
      server: text,
      balancers: texts,
      stay: orNull(object({ available: count, total: count })),
    }),
  ),
  untouched: texts,
  next: orNull(text),
} as const;

const end = {
  playbook: text,
  label: text,
  dry_run: flag,
  state: oneOf('done', 'failed', 'nothing-to-do', 'interrupted'),
  elapsed_ms: milliseconds,
  changed: flag,
  ...runResult,
  steps: list(object(step)),
} as const;

const events: Readonly<Record<string, Readonly<Record<string, object>>>> = {
  'run-started': { playbook: text, label: text, dry_run: flag, inputs: anyObject },
  'nodes-found': { sets: { type: 'object', additionalProperties: texts } },
  'nodes-missing': { set: text, nodes: list(nodeFailure) },
  'rights-checked': { label: text, asked: count, denied: list(nodeFailure), unsure: list(nodeFailure) },
  'step-started': { step: step.step, name: step.name, title: text, kind: text },
  'step-planned': { step: step.step, label: text, title: text, dry_run: flag, batches: list(texts) },
  'try-started': {
    step: step.step,
    batch: count,
    batches: count,
    try: count,
    tries: count,
    nodes: texts,
    changes: flag,
  },
  outcome: {
    step: step.step,
    title: text,
    dry_run: flag,
    try: count,
    node: text,
    outcome: oneOf('ok', 'failed', 'refused', 'no-response', 'cancelled'),
    code: text,
    message: text,
    data: anyObject,
    elapsed_ms: milliseconds,
  },
  'try-failed': { step: step.step, try: count, tries: count, failed: list(nodeFailure), wait_ms: milliseconds },
  'step-finished': { label: text, ...step },
  'run-finished': end,
};

/** One line of `--json` of run, upgrade, rollback and resume. */
export const runEventSchema = {
  description: 'An event of a run, one a line. There is one step-finished for each step-started.',
  oneOf: Object.entries(events).map(([type, fields]) =>
    object({
      type: { const: type },
      time,
      sequence: { type: 'integer', minimum: 1 },
      run_id: runId,
      ...(fields as Record<string, Record<string, unknown>>),
    }),
  ),
};
