import { Problem } from '../../core/errors.ts';
import type { Leases } from '../../core/request/lease.ts';
import { refusal } from '../../core/request/reply.ts';
import { answer, type Stage } from '../call.ts';

/**
 * Refuses a request under a lease that has ended, was broken, or was taken over: its sender does not know yet
 * that another run may be at work. It only checks: leases are taken by calls, which pass *authorize* like any other.
 * @param keepers where leases are kept on this node; none: no request under a lease is let through
 */
export function lease(keepers: () => readonly Leases[], identity: string): Stage {
  return (next) => async (call) => {
    const { lease: name, fence, runId } = call.opened.request;
    if (name === '') return await next(call);
    const recheck = () => {
      const [keeper] = keepers();
      if (keeper === undefined) {
        return new Problem('stale-lease', `${identity} does not keep leases`, 'enable the agent lock in its node.yaml');
      }
      return keeper.check({ lease: name, fence, runId, caller: call.caller });
    };
    const problem = recheck();
    return problem === undefined ? await next({ ...call, recheck }) : answer(refusal(problem));
  };
}
