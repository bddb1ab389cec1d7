import { Problem } from '../../../core/errors.ts';
import type { LocalDiscover, LocalDiscovered } from '../../../core/wire/messages.ts';
import { abandoned, reasonWithheld } from '../forwarder.ts';
import type { UserParts } from './parts.ts';

/** The discoveries of one user of a relay. */
export interface Discoverer {
  readonly take: (message: LocalDiscover) => void;
  /** The number that is not done yet. */
  readonly running: () => number;
  /** Cancels all of them. */
  readonly end: () => void;
}

export interface DiscovererOptions extends UserParts {
  readonly send: (event: LocalDiscovered) => void;
}

/** @param most the number that may run at the same time */
export function startDiscoverer({ relay, user, log, send }: DiscovererOptions, most: number): Discoverer {
  const running = new Map<number, AbortController>();
  const discover = async ({ id, request }: LocalDiscover): Promise<void> => {
    if (running.has(id)) return;
    const control = new AbortController();
    running.set(id, control);
    try {
      if (running.size > most) throw new Problem('busy', `${most} discoveries run over this connection already`);
      if (!request) throw new Problem('malformed-message', 'the request is missing');
      const from = user();
      await relay.admit(from, 'discover');
      control.signal.throwIfAborted();
      await relay.discover(request, from, (node) => send({ id, node }), control.signal);
      send({ id, end: { code: '', message: '' } });
    } catch (error) {
      if (!(error instanceof Problem) && !control.signal.aborted) log.error({ err: error }, 'a discovery failed');
      send({ id, end: reasonWithheld(error) });
    } finally {
      if (running.get(id) === control) running.delete(id);
    }
  };
  return {
    take: (message) => {
      if (message.drop) running.get(message.id)?.abort(abandoned());
      else void discover(message);
    },
    running: () => running.size,
    end: () => {
      for (const one of running.values()) one.abort(abandoned());
      running.clear();
    },
  };
}
