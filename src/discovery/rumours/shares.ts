/** A name that was only heard. */
export interface Rumour {
  /** The address that it was heard from. */
  readonly sender: string;
  /** The claimed host that is dialled first. */
  readonly host: string;
  /** Whether nothing else has dialled it meanwhile. */
  readonly isWanted: () => boolean;
  /**
   * Resolves to whether a node proved itself and answered. The signal ends a dial that has proven nothing; a proven node
   * has its full time.
   */
  readonly dial: (abandoned: AbortSignal) => Promise<boolean>;
}

/** The places for dials, shared between those who send names and the hosts that are named. */
export interface Shares {
  readonly add: (rumour: Rumour) => void;
  /** Takes a place for the next rumour whose turn it is; undefined if there is none, or no place for it. */
  readonly takeNext: () => Place | undefined;
  /** The number of rumours that wait. */
  readonly waiting: () => number;
  readonly clear: () => void;
}

export interface Place {
  readonly rumour: Rumour;
  /** Lets others take the place while the dial continues; false if too many do so. */
  readonly lend: () => boolean;
  /** Ends the dial's share; call it once. */
  readonly release: (proven: boolean) => void;
}

/** Dials at once of one sender, or of one host, before a node has proven itself there; each one that does adds one. */
const atFirst = 2;
/** The dials that continue without a place. */
const mostBeside = 64;

/** A sender or a host. */
interface Party {
  /** Dials that hold a place, and dials that have lent it. */
  held: number;
  lent: number;
  proven: number;
}

/** The rumours of one sender. */
interface Queue {
  readonly rumours: Rumour[];
  /** The number of names so far, and of dials. */
  names: number;
  begun: number;
}

function isBefore(a: Queue, b: Queue): boolean {
  return a.begun === b.begun ? a.names < b.names : a.begun < b.begun;
}

/**
 * One who sends thousands of names has no more places than one who sends a few. The first dial of a sender and to a host
 * does not wait for a place: a node is dialled as soon as it is heard, however many others were heard before. Of two senders
 * the one with fewer names comes first: a host has few nodes.
 */
export function openShares(places: number): Shares {
  const queues = new Map<string, Queue>();
  const parties = { sender: new Map<string, Party>(), host: new Map<string, Party>() };
  let [held, lent, waiting] = [0, 0, 0];

  function hasPlace(rumour: Rumour): boolean {
    const both = (['sender', 'host'] as const).map((side) => parties[side].get(rumour[side]));
    if (both.every((party) => (party?.held ?? 0) + (party?.lent ?? 0) === 0)) return true;
    return held < places && both.every((party) => party === undefined || party.held < atFirst + party.proven);
  }

  function take(rumour: Rumour): Place {
    const both = (['sender', 'host'] as const).map((side) => {
      const party = parties[side].get(rumour[side]) ?? { held: 0, lent: 0, proven: 0 };
      parties[side].set(rumour[side], party);
      party.held++;
      return party;
    });
    held++;
    let hasLent = false;
    return {
      rumour,
      lend() {
        if (lent >= mostBeside) return false;
        hasLent = true;
        held--;
        lent++;
        for (const party of both) [party.held, party.lent] = [party.held - 1, party.lent + 1];
        return true;
      },
      release(proven) {
        if (hasLent) lent--;
        else held--;
        for (const party of both) {
          if (hasLent) party.lent--;
          else party.held--;
          if (proven) party.proven++;
        }
      },
    };
  }

  /** The queue whose turn it is: of those with the fewest dials so far the one with the fewest names. */
  function nextQueue(): Queue | undefined {
    let next: Queue | undefined;
    for (const [sender, queue] of queues) {
      const first = firstWanted(queue);
      if (first === undefined) queues.delete(sender);
      else if (hasPlace(first) && (next === undefined || isBefore(queue, next))) next = queue;
    }
    return next;
  }

  function firstWanted({ rumours }: Queue): Rumour | undefined {
    while (rumours[0]?.isWanted() === false) {
      rumours.shift();
      waiting--;
    }
    return rumours[0];
  }

  return {
    add(rumour) {
      const queue = queues.get(rumour.sender) ?? { rumours: [], names: 0, begun: 0 };
      queue.rumours.push(rumour);
      queue.names++;
      queues.set(rumour.sender, queue);
      waiting++;
    },
    takeNext() {
      if (held + lent >= places + mostBeside) return undefined;
      const queue = nextQueue();
      const rumour = queue?.rumours.shift();
      if (queue === undefined || rumour === undefined) return undefined;
      queue.begun++;
      waiting--;
      return take(rumour);
    },
    waiting: () => waiting,
    clear() {
      queues.clear();
      waiting = 0;
    },
  };
}
