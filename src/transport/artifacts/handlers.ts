import { once } from 'node:events';
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  ServerWritableStream,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { Problem } from '../../core/errors.ts';
import type { Identity } from '../../core/identity.ts';
import type { NodeService } from '../../core/ports.ts';
import type { ArtifactHolder } from '../../core/publish/holder.ts';
import type { FetchEvent, FetchRequest, StoreReply, StoreRequest } from '../../core/wire/messages.ts';
import type { AnyCall } from '../peer.ts';
import type { statusOf } from '../status.ts';
import { widenUploads } from './window.ts';

/** Proves the other end and counts the call. */
export type Admit = (
  call: AnyCall,
  kinds: readonly Identity['kind'][],
) => Promise<{ readonly peer: Identity; readonly leave: () => void }>;

/** The methods that carry artifacts: operators store, and other nodes fetch. */
export function artifactHandlers(
  service: Pick<NodeService, 'artifacts'>,
  admit: Admit,
  toStatus: (error: unknown) => ReturnType<typeof statusOf>,
): UntypedServiceImplementation {
  if (service.artifacts?.() !== undefined) widenUploads();
  const store: handleUnaryCall<StoreRequest, StoreReply> = (call, done) => {
    const work = async () => {
      const { peer, leave } = await admit(call, ['operator']);
      return await keeperOf(service)
        .then(({ store: keep }) => keep(call.request, peer))
        .finally(leave);
    };
    work().then(
      (reply) => done(null, reply),
      (error) => done(toStatus(error)),
    );
  };
  const fetch: handleServerStreamingCall<FetchRequest, FetchEvent> = (stream) => {
    const gone = new AbortController();
    stream.on('cancelled', () => gone.abort());
    const work = async () => {
      const { peer, leave } = await admit(stream, ['node']);
      const send = (event: FetchEvent) => sendWhenRead(stream, event, gone.signal);
      await keeperOf(service)
        .then(({ give }) => give(stream.request, peer, send, gone.signal))
        .finally(leave);
    };
    work().then(
      () => stream.end(),
      (error) => stream.emit('error', toStatus(error)),
    );
  };
  return { Store: store, Fetch: fetch } as UntypedServiceImplementation;
}

async function keeperOf({ artifacts }: Pick<NodeService, 'artifacts'>): Promise<ArtifactHolder> {
  const holder = artifacts?.();
  if (holder !== undefined) return holder;
  throw new Problem('not-publishing', 'this node does not take published artifacts');
}

/** Waits until the other end has read enough, so that at most one chunk waits in memory. */
async function sendWhenRead(
  stream: ServerWritableStream<FetchRequest, FetchEvent>,
  event: FetchEvent,
  gone: AbortSignal,
): Promise<void> {
  if (gone.aborted) throw new Problem('cancelled', 'the other node ended the transfer');
  if (stream.write(event)) return;
  try {
    await once(stream, 'drain', { signal: gone });
  } catch (cause) {
    throw new Problem('cancelled', 'the other node ended the transfer', '', { cause });
  }
}
