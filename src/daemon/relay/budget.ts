import { Problem } from '../../core/errors.ts';

/** The limits of a relay for all its users together. */
export interface Budget {
  /**
   * @param bytes of the request
   * @returns a function to call when it has ended
   * @throws Problem `busy`
   */
  readonly take: (bytes: number) => () => void;
  readonly used: () => { readonly requests: number; readonly bytes: number };
}

export function startBudget(most: { readonly requests: number; readonly bytes: number }): Budget {
  let requests = 0;
  let reserved = 0;
  return {
    take: (bytes) => {
      if (requests >= most.requests) throw new Problem('busy', `the relay has ${most.requests} requests on their way`);
      if (reserved + bytes > most.bytes) throw new Problem('busy', `the relay holds ${most.bytes} bytes already`);
      requests++;
      reserved += bytes;
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        requests--;
        reserved -= bytes;
      };
    },
    used: () => ({ requests, bytes: reserved }),
  };
}
