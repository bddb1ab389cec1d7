import { Problem } from '../../core/errors.ts';
import { refusal } from '../../core/request/reply.ts';
import { answer, type Stage } from '../call.ts';

/**
 * Refuses changes for a caller who knows a head that the audit log does not continue: it was cut, rewritten or restored
 * from a snapshot since. Reads are let through, so that the reason can be found.
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
