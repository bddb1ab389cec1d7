import { refusal } from '../../core/request/reply.ts';
import { answer, type Stage } from '../call.ts';

/** Refuses what its caller did not sign, or a caller whose certificate does not hold here and now. */
export function verify(): Stage {
  return (next) => async (call) => {
    if ('problem' in call.verdict) return answer(refusal(call.verdict.problem));
    return await next(call);
  };
}
