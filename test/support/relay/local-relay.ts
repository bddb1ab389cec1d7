import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Problem } from '../../../src/core/errors.ts';
import type { RelayService } from '../../../src/core/ports.ts';
import { localEventCodec, localRequestCodec } from '../../../src/core/wire/codec.ts';
import type { LocalEvent, LocalRequest, SealedRequest } from '../../../src/core/wire/messages.ts';
import { frame, greeting, startFrames } from '../../../src/transport/relay/frames/frames.ts';
import { listenLocally, localLimits } from '../../../src/transport/relay/local/listen.ts';
import { keepingLog } from '../node/quiet-log.ts';

/** A relay behind a socket of its own, of which the test decides what it does with a request. */
export interface LocalRelay extends AsyncDisposable {
  readonly socket: string;
  readonly log: ReturnType<typeof keepingLog>;
  readonly stop: () => void;
}

/** Echoes a request to `echo`, refuses one to `nobody`, and holds any other until it is given up. */
export const echoing: RelayService = {
  admit: async () => {},
  forward: async (target, { ciphertext }, _user, onEvent, signal) => {
    if (target === 'nobody') throw new Problem('unknown-target', 'it is not known');
    if (target === 'echo') return onEvent({ sequence: 0, last: true, salt: Buffer.alloc(0), ciphertext });
    await once(signal, 'abort');
  },
  discover: async ({ names }, _user, onNode, signal) => {
    if (names.includes('nobody')) throw new Problem('policy-denied', 'not for you');
    if (names.includes('hold')) await once(signal, 'abort');
    for (const node of names) onNode({ node, path: ['local'], lastHeard: 1 });
  },
};

export async function startLocalRelay(
  relay: RelayService,
  limits: Partial<typeof localLimits> = {},
): Promise<LocalRelay> {
  const directory = await mkdtemp(join(tmpdir(), 'mco-local-'));
  const socket = join(directory, 'relay.sock');
  const log = keepingLog();
  const stop = await listenLocally(socket, relay, log, { ...localLimits, ...limits });
  return {
    socket,
    log,
    stop,
    [Symbol.asyncDispose]: async () => {
      stop();
      await rm(directory, { recursive: true });
    },
  };
}

export function sealed(text: string): SealedRequest {
  return {
    keyId: Buffer.alloc(16),
    ephemeral: Buffer.alloc(65),
    salt: Buffer.alloc(32),
    ciphertext: Buffer.from(text),
  };
}

/** A user of the socket that sends what it likes. */
export interface RawUser {
  readonly connection: Socket;
  readonly events: readonly LocalEvent[];
  readonly send: (request: Partial<LocalRequest>) => void;
  readonly whenClosed: Promise<void>;
}

export function connectRaw(socket: string, greet = true): RawUser {
  const connection = connect(socket);
  const events: LocalEvent[] = [];
  const frames = startFrames(
    1 << 24,
    () => {},
    (message) => events.push(localEventCodec.decode(message)),
  );
  connection.on('data', frames.take);
  connection.on('error', () => {});
  const whenClosed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
  if (greet) connection.write(greeting);
  return {
    connection,
    events,
    send: (request) => void connection.write(frame(localRequestCodec.encode(request))),
    whenClosed,
  };
}
