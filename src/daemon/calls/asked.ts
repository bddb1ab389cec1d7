import { createHash, createHmac, randomBytes } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import { type OpenedRequest, revealInput } from '../../core/request/request.ts';
import { isCommitment } from '../../core/request/sensitive.ts';

/** What a request asks for, equal for each time that it is sent, although its hidden values have new salts then. */
export interface Asked {
  /** A digest of all but its hidden values. */
  readonly open: string;
  /**
   * A digest of its hidden values. Undefined where they are unknown: they did not come with the request, or the daemon
   * read it from the audit log after a restart, which does not have them.
   */
  readonly hidden?: string;
}

/** So that the digest of a short secret is useless outside of this process. */
const key = randomBytes(32);

export function askedBy(opened: Pick<OpenedRequest, 'request' | 'signed' | 'shown'>): Asked {
  const { agent, action, dryRun } = opened.request;
  const inputs = Object.entries(opened.shown).sort(([a], [b]) => (a < b ? -1 : 1));
  const visible = inputs.map(([name, value]) => [name, isCommitment(value) ? [] : [value]]);
  const open = createHash('sha256')
    .update(JSON.stringify([agent, action, dryRun, visible]))
    .digest('base64');
  const names = inputs.filter(([, value]) => isCommitment(value)).map(([name]) => name);
  const hidden = digestHidden(names, opened);
  return { open, ...(hidden === undefined ? {} : { hidden }) };
}

function digestHidden(names: readonly string[], opened: Pick<OpenedRequest, 'signed' | 'shown'>): string | undefined {
  if (names.length === 0) return '';
  try {
    const revealed = revealInput(opened);
    return createHmac('sha256', key)
      .update(JSON.stringify(names.map((name) => revealed[name])))
      .digest('base64');
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** Whether two requests ask for the same, as far as it is known. */
export function isSame(one: Asked, other: Asked): boolean {
  const isHiddenSame = one.hidden === undefined || other.hidden === undefined || one.hidden === other.hidden;
  return one.open === other.open && isHiddenSame;
}

/** The id and try belong to a request for something else: its outcome must not pass for that of this one. */
export function idReused(): Problem {
  const what = 'an earlier request with this id and try asked for something else: nothing was done';
  return new Problem('id-reused', what, 'send it with a new id');
}
