import { createHash } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import type { OpenedRequest } from '../../core/request/request.ts';
import { isCommitment } from '../../core/request/sensitive.ts';

/**
 * A digest of what a request asks for, equal for each time that it is sent. Hidden values do not count: their salts are
 * new each time, and the audit log, from which a node that restarts learns of earlier calls, does not have them.
 */
export function digestAsked({
  request: { agent, action, dryRun },
  shown,
}: Pick<OpenedRequest, 'request' | 'shown'>): string {
  const inputs = Object.entries(shown)
    .map(([name, value]) => [name, isCommitment(value) ? [] : [value]] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([agent, action, dryRun, inputs]))
    .digest('base64');
}

/** The id and try belong to a request for something else: its outcome must not pass for that of this one. */
export function idReused(): Problem {
  const what = 'an earlier request with this id and try asked for something else: nothing was done';
  return new Problem('id-reused', what, 'send it with a new id');
}
