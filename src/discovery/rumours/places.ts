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

/** The places for dials. */
export interface Places {
  /** Whether a rumour may be dialled now. */
  readonly isFreeFor: (rumour: Rumour) => boolean;
  /** Whether even dials that have lent their places are too many for another one. */
  readonly isFull: () => boolean;
  readonly take: (rumour: Rumour) => Place;
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

/** Dials that hold a place, and dials that have lent it. */
interface Dials {
  held: number;
  lent: number;
}

/** A sender or a host. */
interface Party extends Dials {
  proven: number;
}

/** The first dial of a sender and to a host does not wait for a place: a node is dialled as soon as it is heard. */
export function openPlaces(most: number): Places {
  const parties = { sender: new Map<string, Party>(), host: new Map<string, Party>() };
  const all: Dials = { held: 0, lent: 0 };

  function partyOf(side: 'sender' | 'host', name: string): Party {
    const party = parties[side].get(name) ?? { held: 0, lent: 0, proven: 0 };
    parties[side].set(name, party);
    return party;
  }

  return {
    isFreeFor({ sender, host }) {
      const both = [parties.sender.get(sender), parties.host.get(host)];
      if (both.every((party) => party === undefined || party.held + party.lent === 0)) return true;
      return all.held < most && both.every((party) => party === undefined || party.held < atFirst + party.proven);
    },
    isFull: () => all.held + all.lent >= most + mostBeside,
    take(rumour) {
      const both = [partyOf('sender', rumour.sender), partyOf('host', rumour.host)];
      const counts = [all, ...both];
      let kind: keyof Dials = 'held';
      for (const count of counts) count.held++;
      return {
        rumour,
        lend() {
          if (all.lent >= mostBeside) return false;
          kind = 'lent';
          for (const count of counts) [count.held, count.lent] = [count.held - 1, count.lent + 1];
          return true;
        },
        release(proven) {
          for (const count of counts) count[kind]--;
          if (proven) for (const party of both) party.proven++;
        },
      };
    },
  };
}
