import type { Answer } from '../incoming-call.ts';

/** Numbers that `rpcutil daemon_stats` returns, named as MCollective users know them. */
export interface Counters {
  readonly count: (answer: Answer) => void;
  readonly values: () => Readonly<Record<string, number>>;
}

/** @param strangers connections and requests without any proof */
export function startCounters(strangers: () => number): Counters {
  const numbers = { total: 0, validated: 0, unvalidated: 0, passed: 0, filtered: 0, replies: 0, ttlexpired: 0 };
  const unproven = new Set([
    'wrong-kind',
    'expired-certificate',
    'early-certificate',
    'revoked-certificate',
    'bad-signature',
  ]);
  return {
    count: ({ content }) => {
      numbers.total++;
      numbers.replies++;
      if (unproven.has(content.code)) numbers.unvalidated++;
      else numbers.validated++;
      if (content.code === 'expired-request') numbers.ttlexpired++;
      if (content.outcome === 'refused') numbers.filtered++;
      else numbers.passed++;
    },
    values: () => ({ ...numbers, strangers: strangers() }),
  };
}
