/** The output of commands about audit logs with --json. */
import { anyObject, count, flag, list, object, runId, text, texts, time } from './parts.ts';

const entry = {
  intent: { ...anyObject, description: 'The record of the request (docs/audit.md)' },
  outcome: { ...anyObject, description: 'The record of its outcome; absent where there is none' },
};
const place = object({ sequence: count, hash: text });
const finding = object({ node: text, code: text, message: text, admitted: { const: true } }, ['admitted']);

export const auditSchemas = {
  'audit-show': list(object(entry, ['outcome'])),
  'audit-verify': object(
    {
      file: text,
      node: text,
      records: count,
      start: place,
      end: place,
      files: texts,
      fault: object({ file: text, line: count, code: text, message: text }),
    },
    ['fault'],
  ),
  'audit-heads': list(
    object(
      {
        node: text,
        sequence: count,
        hash: text,
        signature: text,
        certificate: text,
        received: time,
        distrusted: object({ since: time, code: text, message: text }),
      },
      ['distrusted'],
    ),
  ),
  'audit-trace': object({
    run: runId,
    journal: flag,
    agrees: flag,
    clock_offsets_ms: { type: 'object', additionalProperties: { type: 'number' } },
    requests: list(object({ at: time, ...entry }, ['outcome'])),
    findings: list(finding),
    unrecorded: list(finding),
    unasked: list(finding),
  }),
} as const;
