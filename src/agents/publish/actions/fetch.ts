import type { ActionContext } from '../../../core/agent.ts';
import { explain, type Problem } from '../../../core/errors.ts';
import { FailedReply, replyStatus } from '../../../core/request/reply.ts';
import type { PublishParts } from '../parts.ts';
import { type Entry, placeEntry, readEntries, removeEntries } from '../store/entries.ts';
import { assertRoom } from '../store/space.ts';
import { type Received, receive, type Source } from '../transfer/receive.ts';
import type { Accepted } from '../transfer/tickets.ts';
import { hasBlob } from './prepare.ts';

export type Fetched = Pick<Entry, 'application' | 'revision' | 'sha256' | 'size'> & {
  readonly changed: boolean;
  readonly received: number;
  readonly sources: string[];
  readonly rejected: Received['rejected'];
};

/**
 * Copies the missing parts from other nodes, verifies all of it, and publishes it to appmgr. Received parts stay when
 * it is cut off, and the next call resumes there.
 * @throws Problem `unknown-ticket`, `expired-ticket`, `incomplete-artifact`, `bad-checksum`, `no-space`
 */
export async function fetchArtifact(
  parts: PublishParts,
  { ticket: id, sources }: { readonly ticket: string; readonly sources: readonly Source[] },
  context: ActionContext,
): Promise<Fetched> {
  const accepted = parts.tickets.find(id, context.caller);
  // It shows waiting callers that the node works, also while it verifies or waits for another call.
  const beat = setInterval(() => context.progress('copying'), beatInterval);
  try {
    return await fetchAlone(parts, id, accepted, sources, context);
  } finally {
    clearInterval(beat);
  }
}

/** Milliseconds between two signs of life. */
const beatInterval = 10_000;

async function fetchAlone(
  parts: PublishParts,
  id: string,
  accepted: Accepted,
  sources: readonly Source[],
  context: ActionContext,
): Promise<Fetched> {
  return await parts.exclusive(accepted.partial.sha256, async () => {
    const received = await complete(parts, accepted, sources, context);
    const entry = await parts.change(async () => {
      const placed = await placeEntry(parts.store, accepted.proven, parts.now());
      // The artifact is there by then: what could not be removed goes with the next one.
      await removeOldest(parts, placed).catch((error: unknown) =>
        context.log.warn({ reason: explain(error) }, 'older artifacts could not be removed'),
      );
      return placed;
    });
    parts.tickets.drop(id);
    const { application, revision, sha256, size } = entry;
    const { bytes, ...from } = received;
    return { application, revision, sha256, size, changed: true, received: bytes, ...from };
  });
}

async function complete(
  parts: PublishParts,
  accepted: Accepted,
  sources: readonly Source[],
  { signal, progress, log }: ActionContext,
): Promise<Received> {
  const { proven, partial } = accepted;
  if (await hasBlob(parts, proven)) return { bytes: 0, sources: [], rejected: [] };
  await assertRoom(parts.store, parts.config, partial.needed(), parts.tickets.promised(partial.sha256));
  const received = await receive(accepted, sources, { open: parts.node.openArtifactPeer, signal, progress });
  for (const { node, code, message } of received.rejected) {
    log.warn({ source: node, code, sha256: partial.sha256 }, `an artifact could not be copied: ${message}`);
  }
  if (partial.missing() > 0) throw incomplete(accepted, received);
  await partial.finish();
  return received;
}

function incomplete({ proven: { ticket }, partial }: Accepted, { rejected, sources }: Received): Problem {
  const why = rejected.map(({ node, message }) => `${node}: ${message}`).join('; ');
  const what = `${ticket.application} ${ticket.revision} lacks ${partial.needed()} of ${ticket.size} bytes`;
  const isBusy = rejected.length > 0 && rejected.every(({ code }) => code === 'busy');
  const message = `${what}: ${why === '' ? 'no node was named to send them' : why}`;
  return new FailedReply(isBusy ? 'busy' : 'incomplete-artifact', message, replyStatus.failed, {
    sources: [...sources],
    rejected: rejected.map((one) => ({ ...one })),
  });
}

/** Beyond the number to keep, the oldest go; the one that arrived just now stays. */
async function removeOldest({ store, config }: PublishParts, { application, revision }: Entry): Promise<void> {
  const others = (await readEntries(store, application)).filter((one) => one.revision !== revision);
  await removeEntries(store, others.slice(config.keep - 1));
}
