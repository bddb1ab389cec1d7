import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  ServerDuplexStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { Problem } from '../../core/errors.ts';
import type { Log, RelayService, RelayUser } from '../../core/ports.ts';
import type { DiscoverEvent, DiscoverRequest, ForwardEvent, ForwardRequest } from '../../core/wire/messages.ts';
import type { AnyCall } from '../peer.ts';
import { widenUploads } from '../artifacts/window.ts';
import { statusOf } from '../status.ts';

/** Requests of one stream that wait for their replies. */
const mostAtOnce = 4096;
/** Bytes that wait to be read by a user that reads too slowly; beyond, its stream is ended. */
const mostUnread = 16 * 1024 * 1024;

/**
 * gRPC handlers around a RelayService.
 * @param userOf who is at the other end, asked for every message: a certificate may be revoked while its stream lives
 */
export function relayHandlers(
  relay: RelayService,
  userOf: (call: AnyCall) => RelayUser,
  log: Log,
): UntypedServiceImplementation {
  widenUploads();
  const forward: handleBidiStreamingCall<ForwardRequest, ForwardEvent> = (stream) => {
    const running = new Map<number, AbortController>();
    const end = () => {
      for (const one of running.values()) one.abort();
      running.clear();
    };
    stream.on('data', (message: ForwardRequest) => {
      if (message.drop) running.get(message.id)?.abort();
      else void forwardOne(stream, message, running, { relay, userOf, log });
    });
    stream.on('cancelled', end);
    stream.on('error', end);
    stream.on('end', () => {
      end();
      stream.end();
    });
  };
  const discover: handleServerStreamingCall<DiscoverRequest, DiscoverEvent> = (stream) => {
    const gone = new AbortController();
    stream.on('cancelled', () => gone.abort());
    const work = async () => {
      const user = userOf(stream);
      await relay.admit(user, 'discover');
      await relay.discover(stream.request, user, (event) => void stream.write(event), gone.signal);
    };
    work().then(
      () => stream.end(),
      (error) => stream.emit('error', statusOf(error)),
    );
  };
  return { Forward: forward, Discover: discover } as UntypedServiceImplementation;
}

interface Forwarder {
  readonly relay: RelayService;
  readonly userOf: (call: AnyCall) => RelayUser;
  readonly log: Log;
}

type ForwardStream = ServerDuplexStream<ForwardRequest, ForwardEvent>;

async function forwardOne(
  stream: ForwardStream,
  { id, target, sealed }: ForwardRequest,
  running: Map<number, AbortController>,
  { relay, userOf, log }: Forwarder,
): Promise<void> {
  const write = (event: ForwardEvent) => {
    if (stream.cancelled || stream.destroyed) return;
    stream.write(event);
    if (stream.writableLength > mostUnread) stream.emit('error', statusOf(unread()));
  };
  // A number that is in use stays with the request that had it first.
  if (running.has(id)) return;
  const control = new AbortController();
  running.set(id, control);
  try {
    if (running.size > mostAtOnce) throw new Problem('busy', `${mostAtOnce} requests wait in this stream already`);
    if (!sealed) throw new Problem('malformed-message', 'the request is missing');
    const user = userOf(stream);
    await relay.admit(user, 'forward');
    await relay.forward(target, sealed, user, (event) => write({ id, event }), control.signal);
    write({ id, end: { code: '', message: '' } });
  } catch (error) {
    if (!(error instanceof Problem)) log.error({ err: error }, 'a request could not be forwarded');
    const { code, message } = error instanceof Problem ? error : { code: 'internal', message: '' };
    write({ id, end: { code, message } });
  } finally {
    if (running.get(id) === control) running.delete(id);
  }
}

function unread(): Problem {
  return new Problem('busy', 'the replies are not read', 'read faster');
}
