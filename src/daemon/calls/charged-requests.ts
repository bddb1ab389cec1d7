/**
 * The requests that were charged to their signers: a relay can deliver one many times at once, before the first is
 * remembered as received, and only the first counts against its signer.
 */
export interface ChargedRequests {
  readonly has: (nonce: Buffer) => boolean;
  /** @param until milliseconds since the epoch: from then on, the request is refused as too old */
  readonly note: (nonce: Buffer, until: number) => void;
}

/** Milliseconds between two removals of expired entries. */
const forgetInterval = 1000;

/** Its size is bounded by the limits of signers: each entry cost one of them a call. */
export function startChargedRequests(now: () => number): ChargedRequests {
  const expiries = new Map<string, number>();
  let forgottenAt = now();
  return {
    has: (nonce) => expiries.has(nonce.toString('base64')),
    note: (nonce, until) => {
      const time = now();
      expiries.set(nonce.toString('base64'), until);
      if (Math.abs(time - forgottenAt) < forgetInterval) return;
      forgottenAt = time;
      for (const [key, expiry] of expiries) if (expiry < time) expiries.delete(key);
    },
  };
}
