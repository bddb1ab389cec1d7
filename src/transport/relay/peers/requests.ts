import { identityOf, parseCertificate } from '../../../core/credentials/certificate.ts';
import { Problem } from '../../../core/errors.ts';
import type { Log, NodeService, SealedSink, TlsState } from '../../../core/ports.ts';
import { sizeOfPart, sizeOfRequest } from '../../../core/sealed/size.ts';
import type { ForwardEvent, SealedEvent, SealedRequest } from '../../../core/wire/messages.ts';
import { proveAny } from '../../peer.ts';
import { reasonWithheld } from '../service/forwarder.ts';

export interface SealedLimits {
  /** Bytes of a message from the relay. */
  readonly request: number;
  /** Bytes of a part of a reply; a longer one is not sent. */
  readonly reply: number;
  /** Bytes of the requests that are served at the same time; beyond, they are refused. */
  readonly requests: number;
  /** Bytes that wait for the relay to read them; beyond, the connection is ended. */
  readonly unread: number;
  /** Milliseconds without a byte of a message that has begun, and for the relay to read a reply. */
  readonly stall: number;
}

export interface SealedParts {
  readonly service: Pick<NodeService, 'key' | 'sealed' | 'enter' | 'turnAway'>;
  readonly tls: () => TlsState;
  readonly log: Log;
}

/** What goes back to the relay. */
export interface RelaySide {
  readonly send: (event: ForwardEvent) => void;
  /** Whether the relay reads too slowly: progress is left out then. */
  readonly isCongested: () => boolean;
}

export interface SealedRequests {
  readonly serve: (id: number, request: SealedRequest | null | undefined) => Promise<void>;
  /** The relay does not wait for it any more; it runs to its end. */
  readonly drop: (id: number) => void;
}

/** The requests of one connection of a relay, by its numbers. */
export function startRequests(
  { service, tls, log }: SealedParts,
  certificate: Buffer,
  { requests: mostBytes, reply: mostOfReply }: SealedLimits,
  { send, isCongested }: RelaySide,
): SealedRequests {
  /** What the relay waits for, by its numbers. */
  const running = new Map<number, SealedSink>();
  let bytes = 0;
  const admit = async () => {
    try {
      const peer = proveAny(certificate, ['node'], tls().trust, Date.now());
      return { peer, leave: service.enter(peer, 0) };
    } catch (error) {
      if (error instanceof Problem) await service.turnAway(identityOf(parseCertificate(certificate)), error);
      throw error;
    }
  };
  const serveAdmitted = async (request: SealedRequest | null | undefined, sink: SealedSink) => {
    const { peer, leave } = await admit();
    try {
      if (!request) throw new Problem('malformed-message', 'the request is missing');
      const size = sizeOfRequest(request);
      if (bytes + size > mostBytes) throw new Problem('busy', `the requests of ${peer.name} are too large together`);
      bytes += size;
      await service.sealed(request, peer, sink).finally(() => {
        bytes -= size;
      });
    } finally {
      leave();
    }
  };
  const serve = async (id: number, request: SealedRequest | null | undefined): Promise<void> => {
    // A number in use stays with its first request.
    if (running.has(id)) return;
    const isWaited = () => running.get(id) === sink;
    const end = (reason: { readonly code: string; readonly message: string }, event?: SealedEvent) => {
      if (!isWaited()) return;
      running.delete(id);
      send({ id, end: reason, ...(event === undefined ? {} : { event }) });
    };
    const sink: SealedSink = {
      send: (event) => {
        if (sizeOfPart(event) > mostOfReply) end({ code: 'too-large', message: 'the reply is too large' });
        else if (event.last) end(answered, event);
        else if (isWaited()) send({ id, event });
      },
      isCongested,
    };
    running.set(id, sink);
    try {
      await serveAdmitted(request, sink);
      end(answered);
    } catch (error) {
      if (!(error instanceof Problem)) log.error({ err: error }, 'a sealed request could not be served');
      end(reasonWithheld(error));
    }
  };
  return { serve, drop: (id: number) => void running.delete(id) };
}

const answered = { code: '', message: '' };
