import { Problem } from '../../core/errors.ts';
import { callerId, type Identity } from '../../core/identity.ts';

/** Milliseconds between two records of refusals of one kind to one caller. */
const interval = 10_000;
const mostKept = 1000;

/** Chooses which refusals are written down where there may be thousands a second. */
export interface RefusalSampling {
  /** The problem to write down, which tells how many were not; undefined: this one is not either. */
  readonly choose: (peer: Identity, problem: Problem) => Problem | undefined;
}

export function startRefusalSampling(now: () => number): RefusalSampling {
  const last = new Map<string, { at: number; since: number }>();
  return {
    choose: (peer, problem) => {
      const key = `${callerId(peer)} ${problem.code}`;
      const known = last.get(key);
      const time = now();
      if (known !== undefined && time - known.at < interval) {
        known.since++;
        return undefined;
      }
      if (last.size >= mostKept) last.clear();
      last.set(key, { at: time, since: 0 });
      if (known === undefined || known.since === 0) return problem;
      const when = new Date(known.at).toISOString();
      return new Problem(problem.code, `${problem.message} (and ${known.since} more since ${when})`, problem.hint);
    },
  };
}
