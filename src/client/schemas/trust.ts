/** The output of commands about certificates, policies and releases with --json. */
import { count, flag, list, object, oneOf, orNull, text, texts, time } from './parts.ts';

const kind = oneOf('node', 'operator');
/** The ledger of a root contains intermediate CAs. */
const issuedKind = oneOf('node', 'operator', 'intermediate');
const state = oneOf('valid', 'expired', 'revoked');
const issued = {
  serial: text,
  issuer: text,
  kind: issuedKind,
  name: text,
  state,
  issued_at: time,
  not_before: time,
  not_after: time,
};

const delivered = object({ identity: text, kind, name: text, serial: text, valid_to: time, files: texts });

export const trustSchemas = {
  'ca-init': {
    description: 'Of ca init; with --intermediate, and of ca rollover --intermediate, the request for a root',
    anyOf: [
      object({ directory: text, realm: text, fingerprint: text, valid_to: time, encrypted: flag }),
      object({ directory: text, realm: text, request: text, key_fingerprint: text }),
    ],
  },
  'ca-sign-intermediate': object({ name: text, serial: text, valid_to: time, file: text }),
  'ca-accept': object({ directory: text, realm: text, fingerprint: text, lists: count, trusted: count }),
  'ca-issue': { description: 'Of ca issue, ca sign and ca renew', ...delivered },
  'ca-revoke': object({ revoked: texts, reason: text, crl: text }),
  'ca-crl': object({ file: text, number: count, next_update: time, revoked: count }),
  'ca-push-crl': object({
    lists: list(object({ issuer: text, number: count, this_update: time, next_update: time, revoked: count })),
    nodes: list(object({ node: text, state: text, code: text, message: text })),
  }),
  'ca-rollover': object({ fingerprint: text, trusted: count }),
  'ca-list': list(object({ ...issued, revoked: object({ at: time, reason: text }) }, ['revoked'])),
  'ca-show': {
    description: 'Of ca show NAME a list; of ca show the CA itself',
    anyOf: [
      list(
        object({ ...issued, revoked_at: time, reason: text, names: text, fingerprint: text, key_fingerprint: text }, [
          'revoked_at',
          'reason',
        ]),
      ),
      object(
        {
          realm: text,
          role: oneOf('single', 'root', 'intermediate'),
          directory: text,
          fingerprint: text,
          not_before: time,
          not_after: time,
          key_encrypted: flag,
          trusted: count,
          valid: count,
          revoked: count,
          expired: count,
          crl_number: count,
          crl_due: time,
          root_crl_due: time,
        },
        ['crl_number', 'crl_due', 'root_crl_due'],
      ),
    ],
  },
  enroll: object({ kind, name: text, key: text, fresh: flag, request: text, fingerprint: text }),
  'policy-check': list(
    object({ file: text, ok: flag, holds: text, warnings: texts, code: text, message: text }, [
      'holds',
      'warnings',
      'code',
      'message',
    ]),
  ),
  'policy-explain': object({
    caller: text,
    agent: text,
    action: text,
    allowed: flag,
    file: text,
    line: {
      ...orNull(count),
      description: 'Of the rule that decides; null where the default of the file does, or none',
    },
    by: oneOf('rule', 'default', 'none'),
    text,
    fallback: flag,
  }),
  verify: list(object({ file: text, verdict: oneOf('ok', 'changed', 'unknown') })),
} as const;
