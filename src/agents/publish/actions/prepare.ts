import { Problem } from '../../../core/errors.ts';
import type { ActionContext } from '../../../core/agent.ts';
import { openTicket, type ProvenTicket } from '../../../core/publish/ticket.ts';
import type { ChunkRange } from '../../../core/wire/messages.ts';
import { signedTicketCodec } from '../../../core/wire/codec.ts';
import type { PublishParts } from '../parts.ts';
import { findEntry, isWhole } from '../store/entries.ts';
import { assertRoom } from '../store/space.ts';
import { sizeOf } from '../store/store.ts';

export interface Prepared {
  readonly ticket: string;
  /** Whether the revision is complete here. */
  readonly published: boolean;
  readonly missing: number;
  readonly ranges: ChunkRange[];
}

/**
 * Accepts a ticket: from here on, its operator may send parts of the artifact, and have them copied from other nodes.
 * @throws Problem `bad-ticket`, `expired-ticket`, `unknown-application`, `policy-denied`, `artifact-too-large`,
 * `revision-published`, `no-space`, `too-many-published`, `busy`
 */
export async function prepare(
  parts: PublishParts,
  encoded: string,
  { caller, dryRun }: ActionContext,
): Promise<Prepared> {
  const { node, tickets, store, config, now } = parts;
  const signed = signedTicketCodec.decode(Buffer.from(encoded, 'base64'));
  const proven = openTicket(signed, node.identity, node.audit.trust(), now(), node.clockGrace);
  if (proven.caller !== caller) {
    throw new Problem('bad-ticket', `the ticket was signed by ${proven.caller}, and ${caller} presents it`);
  }
  parts.assertTaken(proven.ticket.application, caller);
  assertSize(proven, config.max_size);
  if (await isPublished(parts, proven)) return { ticket: proven.id, published: true, missing: 0, ranges: [] };
  const isHere = await hasBlob(parts, proven);
  if (dryRun) {
    await assertRoom(store, config, isHere ? 0 : proven.ticket.size, tickets.promised(''));
    return { ticket: proven.id, published: false, missing: 0, ranges: [] };
  }
  const { partial } = await tickets.accept(proven);
  if (isHere) return { ticket: proven.id, published: false, missing: 0, ranges: [] };
  try {
    await assertRoom(store, config, partial.needed(), tickets.promised(partial.sha256));
  } catch (error) {
    tickets.drop(proven.id);
    throw error;
  }
  return { ticket: proven.id, published: false, missing: partial.missing(), ranges: partial.ranges() };
}

function assertSize({ ticket: { application, revision, size } }: ProvenTicket, most: number): void {
  if (size <= most) return;
  const message = `the artifact of ${application} ${revision} has ${size} bytes, and ${most} are allowed`;
  throw new Problem('artifact-too-large', message, 'see “max_size” under “publish” in node.yaml');
}

/** @throws Problem `revision-published` when it is there with other content */
async function isPublished({ store }: PublishParts, { ticket }: ProvenTicket): Promise<boolean> {
  const { application, revision, sha256 } = ticket;
  const known = await findEntry(store, application, revision);
  if (known === undefined) return false;
  if (known.sha256 === sha256.toString('hex')) {
    return (await isWhole(store, known)) && known.signed === ticket.sumsSignature.length > 0;
  }
  const message = `${application} ${revision} is published already, with the SHA-256 sum ${known.sha256}`;
  throw new Problem('revision-published', message, 'publish it under a new revision');
}

/** Whether its bytes are here, under another revision or from a transfer that was cut off at its end. */
export async function hasBlob({ store }: PublishParts, { ticket }: ProvenTicket): Promise<boolean> {
  return (await sizeOf(store.blob(ticket.sha256.toString('hex')))) === ticket.size;
}
