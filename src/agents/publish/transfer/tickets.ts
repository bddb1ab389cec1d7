import { Problem } from '../../../core/errors.ts';
import { assertTime, type ProvenTicket } from '../../../core/publish/ticket.ts';
import { whyNoMore } from '../../../core/shares.ts';
import type { Store } from '../store/store.ts';
import { openPartial, type Partial, partialKey } from './partial.ts';

/** A ticket that this node accepted, and what is here of its artifact. */
export interface Accepted {
  readonly proven: ProvenTicket;
  readonly partial: Partial;
}

/** The tickets that were accepted since the daemon's start. A restart forgets them: the operator asks again then. */
export interface Tickets {
  /** @throws Problem `busy` */
  readonly accept: (proven: ProvenTicket) => Promise<Accepted>;
  /**
   * @param caller who uses it, who must be the one who signed it
   * @throws Problem `unknown-ticket`, `expired-ticket`
   */
  readonly find: (id: string, caller: string) => Accepted;
  readonly drop: (id: string) => void;
  /** Bytes that other transfers still miss which go on now. */
  readonly promised: (except: string) => number;
  readonly receiving: () => Partial[];
}

const most = 64;
/** Milliseconds after which a transfer of which nothing arrives takes no space from others. */
const goingOn = 60_000;

export function startTickets(store: Store, grace: number, now: () => number): Tickets {
  const accepted = new Map<string, Accepted>();
  const opening = new Map<string, Promise<Partial>>();
  /** The callers of tickets that are being accepted. */
  const entering = new Map<string, string>();
  const partials = () => [...new Set([...accepted.values()].map(({ partial }) => partial))];
  const forgetOld = () => {
    for (const [id, { proven }] of accepted) if (now() > proven.ticket.expiresAt + grace) accepted.delete(id);
  };
  /** One state for each artifact, however many tickets are for it. */
  const partialOf = async ({ ticket }: ProvenTicket): Promise<Partial> => {
    const key = partialKey(ticket);
    const known = [...accepted.values()].find(({ proven }) => partialKey(proven.ticket) === key);
    if (known !== undefined) return known.partial;
    const opened = opening.get(key) ?? openPartial(store, ticket);
    opening.set(key, opened);
    return await opened.finally(() => opening.delete(key));
  };
  return {
    accept: async (proven) => {
      forgetOld();
      const callers = [...[...accepted.values()].map((one) => one.proven.caller), ...entering.values()];
      const isKnown = accepted.has(proven.id) || entering.has(proven.id);
      const why = isKnown ? undefined : whyNoMore(most, callers, proven.caller, ['tickets', 'are in use']);
      if (why !== undefined) throw new Problem('busy', why, 'publish again later');
      if (!isKnown) entering.set(proven.id, proven.caller);
      const one = { proven, partial: await partialOf(proven).finally(() => entering.delete(proven.id)) };
      accepted.set(proven.id, one);
      return one;
    },
    find: (id, caller) => {
      const found = accepted.get(id);
      // Only its signer learns anything of it.
      if (found === undefined || found.proven.caller !== caller) {
        throw new Problem('unknown-ticket', 'this node has not accepted that ticket', 'publish again');
      }
      assertTime(found.proven.ticket, now(), grace);
      return found;
    },
    drop: (id) => void accepted.delete(id),
    promised: (except) =>
      partials()
        .filter(({ sha256, touchedAt }) => sha256 !== except && now() - touchedAt() < goingOn)
        .reduce((sum, partial) => sum + partial.needed(), 0),
    receiving: partials,
  };
}
