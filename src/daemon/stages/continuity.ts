import { Problem } from '../../core/errors.ts';
import { refusal } from '../../core/request/reply.ts';
import { answer, type Stage } from '../call.ts';

/**
 * Refuses changes for a caller who knows an end of the audit log that the log does not continue: it was cut, rewritten or restored
 * from a snapshot since. What only reads is let through, so that the reason can be found.
 */
export function continuity(): Stage {
  return (next) => async (call) => {
    if (call.headCheck !== 'BROKEN' || call.action?.kind === 'read') return await next(call);
    const { target, knownSequence } = call.opened.request;
    const what = `nothing was done: the audit log of ${target} does not continue record ${knownSequence}, which its caller knows`;
    return answer(
      refusal(new Problem('audit-broken', what, `find out why, then “mco-deploy audit heads --forget ${target}”`)),
    );
  };
}
