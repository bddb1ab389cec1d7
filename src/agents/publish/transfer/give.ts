import { type FileHandle, readFile } from 'node:fs/promises';
import { errnoOf, explain, Problem } from '../../../core/errors.ts';
import { fileProblem } from '../../../core/files/file-problem.ts';
import type { Identity } from '../../../core/identity.ts';
import type { Log, NodeView } from '../../../core/ports.ts';
import { assertChunk, assertManifest, chunksOf, indicesOf } from '../../../core/publish/chunks.ts';
import type { ArtifactHolder } from '../../../core/publish/holder.ts';
import { assertNode, assertTime, openTicket, type ProvenTicket } from '../../../core/publish/ticket.ts';
import type { FetchEvent, FetchRequest, SignedTicket } from '../../../core/wire/messages.ts';
import { openIfThere, removeBlob, type Store } from '../store/store.ts';
import { readChunk } from './partial.ts';

export interface GiveParts {
  readonly store: Store;
  readonly node: Pick<NodeView, 'identity' | 'audit' | 'may' | 'clockGrace'>;
  /** Other nodes at once. */
  readonly most: number;
  /** @throws Problem `unknown-application`, `policy-denied` */
  readonly assertTaken: (application: string, caller: string) => void;
  readonly now: () => number;
  readonly log: Log;
}

/** Sends artifacts to other nodes: whole ones alone, each chunk verified as it is read. */
export function defineGive(parts: GiveParts): ArtifactHolder['give'] {
  const { node, most, now, log } = parts;
  const refusals = startOnce();
  const serving = new Set<string>();
  /** A ticket without a proven signer is not in the audit log: the daemon logs it, with the node that sent it. */
  const open = (signed: SignedTicket, peer: Identity) => {
    try {
      return openTicket(signed, node.identity, node.audit.trust(), now(), node.clockGrace);
    } catch (error) {
      const code = error instanceof Problem ? error.code : 'internal';
      if (refusals(`${peer.name} ${code}`))
        log.warn({ peer: peer.name, code }, `a ticket was refused: ${explain(error)}`);
      throw error;
    }
  };
  return async ({ ticket: signed, manifest, wanted }, peer, send, signal) => {
    if (!signed) throw new Problem('bad-ticket', 'the ticket is missing');
    const proven = open(signed, peer);
    const sent = { bytes: 0, code: '' };
    let leave = () => {};
    try {
      await assertMay(proven, peer, parts);
      leave = enter(serving, peer.name, most, node.identity);
      await sendParts({ proven, manifest, wanted }, parts, signal, async (event) => {
        await send(event);
        sent.bytes += event.chunk?.data.length ?? 0;
      });
    } catch (error) {
      const known = error instanceof Problem ? error : fileProblem(error);
      sent.code = known?.code ?? 'internal';
      throw known ?? error;
    } finally {
      leave();
      const isNews = sent.bytes > 0 || sent.code === '' || refusals(`${proven.id} ${peer.name} ${sent.code}`);
      if (isNews) await node.audit.served({ ...logFields(proven), peer: peer.name, ...sent });
    }
  };
}

/** One place for each node, so that none can take all of them. @throws Problem `busy` */
function enter(serving: Set<string>, peer: string, most: number, node: string): () => void {
  if (serving.has(peer)) throw new Problem('busy', `${node} sends to ${peer} already`);
  if (serving.size >= most) throw new Problem('busy', `${node} sends to ${most} other nodes already`);
  serving.add(peer);
  return () => void serving.delete(peer);
}

function logFields({ ticket, id, caller }: ProvenTicket) {
  const { application, revision, sha256 } = ticket;
  return { application, revision, sha256: sha256.toString('hex'), caller, ticket: id };
}

/** By the current policy of this node: once a right is taken away, its tickets are void. */
async function assertMay(
  { ticket, caller, limited }: ProvenTicket,
  peer: Identity,
  { node, assertTaken }: GiveParts,
): Promise<void> {
  assertNode(ticket, peer.name);
  assertTaken(ticket.application, caller);
  if (await node.may({ caller, agent: 'publish', action: 'fetch', limited })) return;
  throw new Problem('policy-denied', `${caller} may not publish.fetch on ${node.identity}`);
}

interface Asked extends Pick<FetchRequest, 'manifest' | 'wanted'> {
  readonly proven: ProvenTicket;
}

async function sendParts(
  { proven: { ticket }, manifest: wantsManifest, wanted }: Asked,
  { store, node, now }: GiveParts,
  signal: AbortSignal,
  send: (event: FetchEvent) => Promise<void>,
): Promise<void> {
  const sha256 = ticket.sha256.toString('hex');
  const { size } = ticket;
  const indices = indicesOf(wanted, chunksOf(size));
  const handle = await openIfThere(store.blob(sha256));
  if (handle === undefined) throw new Problem('not-published', `${node.identity} does not hold ${sha256}`);
  try {
    const manifest = await readManifest(store.manifest(sha256));
    assertManifest(manifest, ticket, node.identity);
    if (wantsManifest) await send({ manifest });
    for (const index of indices) {
      if (signal.aborted) throw new Problem('cancelled', `${node.identity} stops: nobody waits for the artifact`);
      assertTime(ticket, now(), node.clockGrace);
      await send({
        chunk: { index, data: await verifiedChunk(handle, index, { manifest, size, sha256 }, store, node) },
      });
    }
  } finally {
    await handle.close();
  }
}

async function readManifest(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

/** A disk that lies is found out here: the artifact is removed, and no other node receives it. */
async function verifiedChunk(
  handle: FileHandle,
  index: number,
  { manifest, size, sha256 }: { readonly manifest: Buffer; readonly size: number; readonly sha256: string },
  store: Store,
  { identity }: Pick<NodeView, 'identity'>,
): Promise<Buffer> {
  const data = await readChunk(handle, index, size);
  try {
    assertChunk(manifest, index, data, size, identity);
    return data;
  } catch (error) {
    await removeBlob(store, sha256);
    throw error;
  }
}

/** Whether something is said for the first time: what repeats itself must not fill the audit log. */
function startOnce(): (what: string) => boolean {
  const reported = new Set<string>();
  return (what) => {
    if (reported.has(what)) return false;
    if (reported.size >= 1000) reported.clear();
    reported.add(what);
    return true;
  };
}
