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
import { runResult } from './run-event.ts';

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
  ...runResult,
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
