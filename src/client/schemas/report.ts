/** `runs report RUN --json` */
import {
  anyObject,
  count,
  flag,
  list,
  milliseconds,
  nodeFailure,
  object,
  orNull,
  runId,
  text,
  texts,
  time,
} from './parts.ts';

const call = object({
  node: text,
  agent: text,
  action: text,
  dry_run: flag,
  changes: flag,
  batch: count,
  try: count,
  request_id: text,
  began: time,
  ended: time,
  outcome: text,
  code: text,
  message: text,
  data: anyObject,
  verdict: { ...orNull(object({ code: text, reason: text })), description: 'Why an answer was not good enough' },
  audit_head: text,
});

const step = object({
  step: text,
  name: text,
  title: text,
  kind: text,
  after_failure: flag,
  state: text,
  began: time,
  ended: time,
  waited_for: text,
  slowest: orNull(object({ node: text, lag_ms: milliseconds })),
  failed: list(nodeFailure),
  calls: list(call),
});

export const reportSchema = object({
  run: runId,
  playbook: text,
  label: text,
  operator: text,
  dry_run: flag,
  state: text,
  began: time,
  ended: time,
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
  attempts: list(
    object({
      number: count,
      operator: text,
      state: text,
      began: time,
      ended: time,
      nodes: texts,
      steps: list(step),
    }),
  ),
});
