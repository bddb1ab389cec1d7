import { Problem } from '../../../core/errors.ts';
import type { LocalDiscover, LocalDiscovered } from '../../../core/wire/messages.ts';
import { reasonWithheld } from '../service/forwarder.ts';
import { type Numbered, startNumbered } from '../service/numbered.ts';
import type { UserParts } from './parts.ts';

export interface DiscovererOptions extends UserParts {
  readonly send: (event: LocalDiscovered) => void;
}

/** The discoveries of one user of a relay. @param most the number that may run at the same time */
export function startDiscoverer({ relay, user, log, send }: DiscovererOptions, most: number): Numbered<LocalDiscover> {
  return startNumbered(async ({ id, request }, { signal }, running) => {
    try {
      if (running > most) throw new Problem('busy', `${most} discoveries run over this connection already`);
      if (!request) throw new Problem('malformed-message', 'the request is missing');
      const from = user();
      await relay.admit(from, 'discover');
      signal.throwIfAborted();
      await relay.discover(request, from, (node) => send({ id, node }), signal);
      send({ id, end: { code: '', message: '' } });
    } catch (error) {
      if (!(error instanceof Problem) && !signal.aborted) log.error({ err: error }, 'a discovery failed');
      send({ id, end: reasonWithheld(error) });
    }
  });
}
