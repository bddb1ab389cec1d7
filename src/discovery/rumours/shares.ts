import { openPlaces, type Place, type Rumour } from './places.ts';

/** The places for dials, shared between those who send names and the hosts that are named. */
export interface Shares {
  readonly add: (rumour: Rumour) => void;
  /** Takes a place for the next rumour whose turn it is; undefined if there is none, or no place for it. */
  readonly takeNext: () => Place | undefined;
  /** The number of rumours that wait. */
  readonly waiting: () => number;
  readonly clear: () => void;
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
 * One who sends thousands of names has no more places than one who sends a few. Of two senders the one with fewer names comes
 * first: a host has few nodes.
 */
export function openShares(most: number): Shares {
  const queues = new Map<string, Queue>();
  const places = openPlaces(most);
  let waiting = 0;

  /** The queue whose turn it is: of those with the fewest dials so far the one with the fewest names. */
  function nextQueue(): Queue | undefined {
    let next: Queue | undefined;
    for (const [sender, queue] of queues) {
      const first = firstWanted(queue);
      if (first === undefined) queues.delete(sender);
      else if (places.isFreeFor(first) && (next === undefined || isBefore(queue, next))) next = queue;
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
      if (places.isFull()) return undefined;
      const queue = nextQueue();
      const rumour = queue?.rumours.shift();
      if (queue === undefined || rumour === undefined) return undefined;
      queue.begun++;
      waiting--;
      return places.take(rumour);
    },
    waiting: () => waiting,
    clear() {
      queues.clear();
      waiting = 0;
    },
  };
}
