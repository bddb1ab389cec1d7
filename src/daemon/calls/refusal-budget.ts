/**
 * Limits how much of the audit log refusals may fill: a caller without rights must not fill it, nor displace older
 * records.
 */

/** Bytes of records about refused requests that each caller may cause at once, and in an hour. */
const burst = 1024 * 1024;
const perHour = 1024 * 1024;
/** Callers that are counted separately; more than any fleet has operators. */
const mostCallers = 1000;
const hour = 3_600_000;

export interface RefusalBudget {
  /** Takes from a caller's remaining budget. @returns false when it is used up: then nothing is taken */
  readonly spend: (caller: string, bytes: number) => boolean;
}

export function startRefusalBudget(now: () => number): RefusalBudget {
  const accounts = new Map<string, { left: number; at: number }>();
  const refilled = ({ left, at }: { left: number; at: number }) =>
    Math.min(burst, left + (Math.max(0, now() - at) / hour) * perHour);
  const forget = () => {
    for (const [caller, account] of accounts) if (refilled(account) >= burst) accounts.delete(caller);
  };
  return {
    spend: (caller, bytes) => {
      const known = accounts.get(caller);
      if (known === undefined && accounts.size >= mostCallers) forget();
      if (known === undefined && accounts.size >= mostCallers) return false;
      const left = known === undefined ? burst : refilled(known);
      if (left < bytes) return false;
      accounts.set(caller, { left: left - bytes, at: now() });
      return true;
    },
  };
}
