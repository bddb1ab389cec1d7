import { Problem } from '../../core/errors.ts';

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

/** While more of a limit than this part is in use, no user gets more than the rest: so none can keep the others out. */
const forAnyone = 3 / 4;

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
  const isBeyondShare = (own: Load, bytes: number) => {
    const crowded = (name: keyof Load, more: number) =>
      all[name] + more > most[name] * forAnyone && own[name] + more > most[name] * (1 - forAnyone);
    return own.requests > 0 && (crowded('requests', 1) || crowded('bytes', bytes));
  };
  return {
    take: (user, bytes) => {
      if (all.requests >= most.requests) throw busy(`the relay has ${most.requests} requests on their way`);
      if (all.bytes + bytes > most.bytes) throw busy(`the relay holds ${most.bytes} bytes already`);
      if (isBeyondShare(loads.get(user) ?? nothing, bytes)) throw busy(`${user} uses its share of the relay`);
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
