import type { handleBidiStreamingCall, handleServerStreamingCall, UntypedServiceImplementation } from '@grpc/grpc-js';
import { Problem } from '../../../core/errors.ts';
import type { Log, RelayService, RelayUser } from '../../../core/ports.ts';
import { sizeOfPart } from '../../../core/sealed/size.ts';
import type { DiscoverEvent, DiscoverRequest, ForwardEvent, ForwardRequest } from '../../../core/wire/messages.ts';
import { widenUploads } from '../../artifacts/window.ts';
import type { AnyCall } from '../../peer.ts';
import { statusOf } from '../../status.ts';
import { startForwarder } from './forwarder.ts';
import { countUnread, mostUnread, startCrowd } from './unread.ts';

/**
 * gRPC handlers around a RelayService.
 * @param userOf the identity of the other end, asked for every message: a certificate may be revoked while its stream
 * lives
 */
export function relayHandlers(
  relay: RelayService,
  userOf: (call: AnyCall) => RelayUser,
  log: Log,
): UntypedServiceImplementation {
  widenUploads();
  const crowd = startCrowd();
  const forward: handleBidiStreamingCall<ForwardRequest, ForwardEvent> = (stream) => {
    // The stream counts messages, not bytes.
    const unread = countUnread(mostUnread, crowd);
    const send = (event: ForwardEvent) => {
      if (stream.cancelled || stream.destroyed || stream.writableEnded) return;
      stream.write(event, unread.add(event.event ? sizeOfPart(event.event) : 0));
      if (unread.isTooMuch()) stream.emit('error', statusOf(notRead()));
    };
    const forwarder = startForwarder({ relay, user: () => userOf(stream), log, send });
    const end = () => {
      forwarder.end();
      unread.end();
    };
    stream.on('data', forwarder.take);
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
      const onNode = (event: DiscoverEvent) => {
        // A write after the end would break the stream, and its user would wait for the rest.
        if (!stream.writableEnded && !stream.destroyed) stream.write(event);
      };
      await relay.discover(stream.request, user, onNode, gone.signal);
    };
    work().then(
      () => stream.end(),
      (error) => stream.emit('error', statusOf(error)),
    );
  };
  return { Forward: forward, Discover: discover } as UntypedServiceImplementation;
}

function notRead(): Problem {
  return new Problem('busy', 'the replies are not read', 'read faster');
}
