import { Problem } from '../../core/errors.ts';
import { isBeyondShare } from '../../core/shares.ts';

/** The limits of a relay: those for all its users together, and the share of each. */
export interface Budget {
  /**
   * @param user who asks
   * @param bytes of the request
   * @returns a function to call when it has ended
   * @throws Problem `busy`
   */
  readonly take: (user: string, bytes: number) => () => void;
  readonly used: () => Load;
}

interface Load {
  readonly requests: number;
  readonly bytes: number;
}

const nothing: Load = { requests: 0, bytes: 0 };

export function startBudget(most: Load): Budget {
  const loads = new Map<string, Load>();
  let all = nothing;
  const add = (user: string, requests: number, bytes: number) => {
    const plus = (load: Load) => ({ requests: load.requests + requests, bytes: load.bytes + bytes });
    all = plus(all);
    const own = plus(loads.get(user) ?? nothing);
    if (own.requests === 0) loads.delete(user);
    else loads.set(user, own);
  };
  const takesTooMuch = (own: Load, bytes: number) => {
    const isBeyond = (name: keyof Load, more: number) => isBeyondShare(most[name], all[name], own[name], more);
    return own.requests > 0 && (isBeyond('requests', 1) || isBeyond('bytes', bytes));
  };
  return {
    take: (user, bytes) => {
      if (all.requests >= most.requests) throw busy(`the relay has ${most.requests} requests on their way`);
      if (all.bytes + bytes > most.bytes) throw busy(`the relay holds ${most.bytes} bytes already`);
      if (takesTooMuch(loads.get(user) ?? nothing, bytes)) throw busy(`${user} uses its share of the relay`);
      add(user, 1, bytes);
      let ended = false;
      return () => {
        if (ended) return;
        ended = true;
        add(user, -1, -bytes);
      };
    },
    used: () => all,
  };
}

function busy(message: string): Problem {
  return new Problem('busy', message);
}
