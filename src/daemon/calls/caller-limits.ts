import { Problem } from '../../core/errors.ts';

/** The limits of one caller. */
export interface CallerLimits {
  /** Concurrent calls. */
  readonly atOnce: number;
  /** The long-term rate of calls a second; a large one counts as several. */
  readonly rate: number;
  /** Calls in a burst, before the rate counts. */
  readonly burst: number;
}

/** Bytes of a request that count as one more call, because all of it goes into the audit log. */
const bytesPerCall = 16 * 1024;

/** The usage of callers, by name. */
export interface CallerLimiter {
  /**
   * Admits a call of a caller and counts it.
   * @param bytes the size of its request
   * @returns a function to call when it has ended
   * @throws Problem `busy` when too many of its calls are running, `rate-limited` when they come too fast
   */
  readonly enter: (caller: string, bytes: number) => () => void;
}

interface Account {
  running: number;
  /** The calls that it may make at once (token bucket), at a time. */
  left: number;
  at: number;
}

/** Beyond this number, or twice as many as were in use then, unused accounts are dropped. */
const mostAccounts = 1000;

export function startCallerLimiter({ atOnce, rate, burst }: CallerLimits, now: () => number): CallerLimiter {
  const accounts = new Map<string, Account>();
  let most = mostAccounts;

  const refill = (account: Account) => {
    const time = now();
    account.left = Math.min(burst, account.left + (Math.max(0, time - account.at) / 1000) * rate);
    account.at = time;
  };
  const forget = () => {
    for (const [caller, account] of accounts) {
      refill(account);
      if (account.running === 0 && account.left >= burst) accounts.delete(caller);
    }
    // Not at each new one, if all of them are in use.
    most = Math.max(mostAccounts, accounts.size * 2);
  };
  const accountOf = (caller: string) => {
    const known = accounts.get(caller);
    if (known !== undefined) return known;
    if (accounts.size >= most) forget();
    const fresh = { running: 0, left: burst, at: now() };
    accounts.set(caller, fresh);
    return fresh;
  };
  return {
    enter: (caller, bytes) => {
      const cost = Math.min(burst, 1 + Math.floor(bytes / bytesPerCall));
      const account = accountOf(caller);
      if (account.running >= atOnce) {
        throw new Problem('busy', `${caller} has ${atOnce} calls running here`, 'wait for one to end');
      }
      refill(account);
      if (account.left < cost) {
        throw new Problem(
          'rate-limited',
          `${caller} asks for more than ${rate} calls a second here`,
          'call more slowly',
        );
      }
      account.left -= cost;
      account.running++;
      let ended = false;
      return () => {
        if (!ended) account.running--;
        ended = true;
      };
    },
  };
}
