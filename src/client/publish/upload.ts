import { setTimeout as sleep } from 'node:timers/promises';
import { mapLimited } from '../../core/waiting/concurrency.ts';
import { Problem } from '../../core/errors.ts';
import type { ChunkRange } from '../../core/wire/messages.ts';
import { indicesOf, chunksOf } from '../../core/publish/chunks.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import type { LocalArtifact } from './artifact.ts';

/** The missing parts of an artifact on a node. */
export interface MissingChunks {
  readonly ranges: readonly ChunkRange[];
}

export interface UploadOptions {
  readonly ticket: Buffer;
  /** Asks the node again for its missing parts: it accepts the ticket again if its daemon was restarted. */
  readonly prepare: () => Promise<MissingChunks>;
  /** Called with the number of bytes that this host sends. */
  readonly onSent: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Concurrent chunks: enough to fill a link with a long delay. */
const window = 8;
/** How often it is resumed after the connection was lost. */
const tries = 5;
/** Milliseconds for one chunk. */
const chunkTimeout = 60_000;

/** `cancelled`: a chunk took too long, while the command itself continues. */
const lost = new Set([
  'cancelled',
  'no-response',
  'unreachable',
  'unknown-ticket',
  'not-serving',
  'busy',
  'rate-limited',
]);

/**
 * Sends the missing parts to one node. A lost connection is opened again, and the upload resumes.
 * @throws Problem of the last try, or the node's reason
 */
export async function upload(
  { connection }: FoundNode,
  artifact: LocalArtifact,
  first: MissingChunks,
  { ticket, prepare, onSent, signal }: UploadOptions,
): Promise<void> {
  let lacking = first;
  for (let attempt = 1; ; attempt++) {
    try {
      const within = () => AbortSignal.any([signal, AbortSignal.timeout(chunkTimeout)]);
      await connection.store({ ticket, manifest: artifact.manifest }, within());
      onSent(artifact.manifest.length);
      await mapLimited(indicesOf(lacking.ranges, chunksOf(artifact.size)), window, async (index) => {
        assertGoing(signal);
        const data = await artifact.chunk(index);
        // Counted at its start: lost bytes also use the link.
        onSent(data.length);
        await patiently(() => connection.store({ ticket, chunk: { index, data } }, within()), signal);
      });
      return;
    } catch (error) {
      assertGoing(signal);
      if (!(error instanceof Problem) || !lost.has(error.code) || attempt === tries) throw error;
      await sleep(500 * attempt, undefined, { signal }).catch(() => {});
      assertGoing(signal);
      lacking = await prepare();
    }
  }
}

/** Codes of a node that receives too many calls. */
const tooFast = new Set(['rate-limited', 'busy']);
/** Milliseconds before a chunk that came too fast is sent again, doubled each time. */
const pauses = [100, 200, 400, 800, 1600, 3200, 6400];

/** A fast link is slowed down to the node's limit for one caller. */
async function patiently(send: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  for (const pause of pauses) {
    try {
      await send();
      return;
    } catch (error) {
      assertGoing(signal);
      if (!(error instanceof Problem) || !tooFast.has(error.code)) throw error;
      await sleep(pause, undefined, { signal }).catch(() => {});
    }
  }
  await send();
}

/** @throws Problem `cancelled` when the command was interrupted */
function assertGoing(signal: AbortSignal): void {
  if (signal.aborted) throw new Problem('cancelled', 'the upload was interrupted');
}
