import { refusal } from '../../core/request/reply.ts';
import { answer, type Stage } from '../call.ts';

/** Refuses a request without a valid signature, or of a caller whose certificate is not valid here and now. */
export function verify(): Stage {
  return (next) => async (call) => {
    if ('problem' in call.verdict) return answer(refusal(call.verdict.problem));
    return await next(call);
  };
}
