import { anyObject, count, flag, list, object, oneOf, orNull, text, time } from './parts.ts';

const state = oneOf('running', 'ok', 'failed', 'refused', 'cancelled', 'unknown');
const head = { job: text, agent: text, action: text, caller: text, run: text } as const;
const part = { node: text, state, began: time, ended: orNull(time) } as const;

/** `jobs --json` */
export const jobsSchema = list(object({ ...head, nodes: list(object(part)) }));

/** `jobs show|wait|cancel ID --json` */
export const jobSchema = object({
  ...head,
  nodes: list(
    object({ ...part, status: count, code: text, message: text, progress: text, data: anyObject, left_out: flag }),
  ),
});
