import { randomBytes } from 'node:crypto';
import { chunkAt, chunksOf, sha256 } from '../../../src/core/publish/chunks.ts';
import { signTicket, type TicketContent } from '../../../src/core/publish/ticket.ts';
import type { CallOptions } from '../../../src/core/request/request.ts';
import { signedTicketCodec } from '../../../src/core/wire/codec.ts';
import type { Reply, SignedTicket } from '../../../src/core/wire/messages.ts';
import { createArtifactDial } from '../../../src/transport/artifacts/peer.ts';
import type { Fleet, Member } from '../fleet/fleet.ts';
import type { TestNode } from '../node/node.ts';

/** Bytes with what a ticket says of them. */
export interface TestArtifact {
  readonly bytes: Buffer;
  readonly sha256: Buffer;
  readonly manifest: Buffer;
  readonly chunk: (index: number) => Buffer;
  readonly chunks: number;
}

export function makeArtifact(size = 600_000): TestArtifact {
  const bytes = randomBytes(size);
  const chunk = (index: number) => {
    const { at, length } = chunkAt(index, size);
    return bytes.subarray(at, at + length);
  };
  const chunks = chunksOf(size);
  const manifest = Buffer.concat(Array.from({ length: chunks }, (_, index) => sha256(chunk(index))));
  return { bytes, sha256: sha256(bytes), manifest, chunk, chunks };
}

/** A ticket of an hour for “shop” 20. */
export function contentFor(
  { bytes, sha256: digest, manifest }: TestArtifact,
  nodes: readonly string[],
  changes: Partial<TicketContent> = {},
): TicketContent {
  const now = Date.now();
  return {
    application: 'shop',
    revision: '20',
    sha256: digest,
    size: bytes.length,
    manifestSha256: sha256(manifest),
    nodes: [...nodes],
    issuedAt: now,
    expiresAt: now + 3_600_000,
    sumsSignature: Buffer.alloc(0),
    ...changes,
  };
}

export function ticketBy(operator: Pick<Member, 'credentials'>, content: TicketContent): SignedTicket {
  return signTicket(content, operator.credentials);
}

export function idOf({ ticket }: SignedTicket): Buffer {
  return sha256(ticket);
}

export function prepareOrder(ticket: SignedTicket, more: Partial<CallOptions> = {}): Partial<CallOptions> {
  const input = { ticket: signedTicketCodec.encode(ticket).toString('base64') };
  return { agent: 'publish', action: 'prepare', input, ...more };
}

export function fetchOrder(
  ticket: SignedTicket,
  sources: readonly { readonly name: string; readonly daemon: { readonly port: number } }[],
): Partial<CallOptions> {
  const list = sources.map(({ name, daemon }) => ({ node: name, addresses: [`127.0.0.1:${daemon.port}`] }));
  return { agent: 'publish', action: 'fetch', input: { ticket: idOf(ticket).toString('hex'), sources: list } };
}

export function dataOf({ data }: Reply): Record<string, unknown> {
  return JSON.parse(data.toString()) as Record<string, unknown>;
}

/** Sends chunks as an operator does. */
export async function storeChunks(
  node: TestNode,
  operator: Member,
  ticket: SignedTicket,
  artifact: TestArtifact,
  indices: readonly number[],
): Promise<void> {
  const connection = await node.dial(operator);
  const { signal } = new AbortController();
  try {
    await connection.store({ ticket: idOf(ticket), manifest: artifact.manifest }, signal);
    for (const index of indices) {
      await connection.store({ ticket: idOf(ticket), chunk: { index, data: artifact.chunk(index) } }, signal);
    }
  } finally {
    connection.close();
  }
}

/** Publishes on one node, as an operator does. */
export async function publishTo(
  node: TestNode,
  operator: Member,
  ticket: SignedTicket,
  artifact: TestArtifact,
): Promise<Reply> {
  const prepared = await node.call(operator, prepareOrder(ticket));
  if (prepared.outcome !== 'ok') return prepared;
  await storeChunks(node, operator, ticket, artifact, [...Array(artifact.chunks).keys()]);
  return await node.call(operator, fetchOrder(ticket, []));
}

/** Asks a node for an artifact as another node does, with its certificate. */
export async function fetchAs(member: Member, fleet: Fleet, node: TestNode) {
  const tls = () => ({ credentials: member.credentials, trust: fleet.trust });
  const addresses = [{ host: '127.0.0.1', port: node.daemon.port }];
  return await createArtifactDial(tls, 5000)(node.name, addresses, new AbortController().signal);
}
