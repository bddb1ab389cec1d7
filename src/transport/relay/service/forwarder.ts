import { Problem } from '../../../core/errors.ts';
import { fileProblem } from '../../../core/files/file-problem.ts';
import type { Log, RelayService, RelayUser } from '../../../core/ports.ts';
import { sizeOfPart } from '../../../core/sealed/size.ts';
import type { ForwardEvent, ForwardRequest, SealedEvent, Withheld } from '../../../core/wire/messages.ts';
import { type Numbered, startNumbered } from './numbered.ts';

/** Requests of one stream that wait for their replies. */
const mostAtOnce = 4096;
/** Bytes of a part of a reply. A longer one would end the whole stream, with the requests to other targets. */
const mostOfPart = 4 * 1024 * 1024 - 1024;
/** Characters of a reason, which a target may have written. */
const longestReason = 1024;

export interface ForwarderOptions {
  readonly relay: RelayService;
  /** The identity of the other end, checked for every message: a certificate may be revoked while its stream lives. */
  readonly user: () => RelayUser;
  readonly log: Log;
  readonly send: (event: ForwardEvent) => void;
}

/** The relay's side of a stream of requests of one user, over any transport. */
export function startForwarder({ relay, user, log, send }: ForwarderOptions): Numbered<ForwardRequest> {
  return startNumbered(async ({ id, target, sealed }, control, running) => {
    const { signal } = control;
    let refused: Problem | undefined;
    const reply = startReply((event) => send({ id, ...event }));
    try {
      if (running > mostAtOnce) throw new Problem('busy', `${mostAtOnce} requests wait in this stream already`);
      if (!sealed) throw new Problem('malformed-message', 'the request is missing');
      const from = user();
      await relay.admit(from, 'forward');
      signal.throwIfAborted();
      const pass = (event: SealedEvent) => {
        if (sizeOfPart(event) <= mostOfPart) return reply.add(event);
        refused = new Problem('too-large', `a part of the reply has more than ${mostOfPart} bytes`);
        control.abort(refused);
      };
      await relay.forward(target, sealed, from, pass, signal);
      if (refused !== undefined) throw refused;
      reply.end({ code: '', message: '' });
    } catch (thrown) {
      const error = refused ?? thrown;
      if (!(error instanceof Problem)) log.error({ err: error }, 'a request could not be forwarded');
      reply.end(reasonWithheld(error));
    }
  });
}

/**
 * The parts of a reply. The last one waits for the end, if that comes at the same moment: with thousands of replies, a message of
 * its own for each end takes time.
 */
function startReply(send: (event: Omit<ForwardEvent, 'id'>) => void) {
  let last: SealedEvent | undefined;
  const flush = () => {
    if (last !== undefined) send({ event: last });
    last = undefined;
  };
  return {
    add: (event: SealedEvent) => {
      flush();
      if (!event.last) return send({ event });
      last = event;
      setImmediate(flush);
    },
    end: (end: Withheld) => {
      send({ end, ...(last === undefined ? {} : { event: last }) });
      last = undefined;
    },
  };
}

/** The relay's own reason to stop. Anything but a Problem is reported without detail. */
export function reasonWithheld(thrown: unknown): Withheld {
  const error = fileProblem(thrown) ?? thrown;
  const { code, message } = error instanceof Problem ? error : { code: 'internal', message: '' };
  return { code: code.slice(0, longestReason), message: message.slice(0, longestReason) };
}
