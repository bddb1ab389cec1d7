import { Problem } from '../../core/errors.ts';

const mostKept = 1000;

/** Chooses which refusals are recorded when there may be thousands a second. */
export interface RefusalSampling {
  /** The problem to record, with the number of those that were not; undefined if this one is not recorded either. */
  readonly choose: (caller: string, problem: Problem) => Problem | undefined;
}

/** @param interval milliseconds between two records of refusals of one kind to one caller */
export function startRefusalSampling(now: () => number, interval = 10_000): RefusalSampling {
  const last = new Map<string, { at: number; since: number }>();
  return {
    choose: (caller, problem) => {
      const key = `${caller} ${problem.code}`;
      const known = last.get(key);
      const time = now();
      if (known !== undefined && Math.abs(time - known.at) < interval) {
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
