import { createHash, randomBytes } from 'node:crypto';
import type { ProvenCertificate, Trust } from '../credentials/proof.ts';
import { sign, chainOf, type Credentials } from '../credentials/signature.ts';
import { Problem } from '../errors.ts';
import { formatIdentity } from '../identity.ts';
import { protocolVersion, queryCodec, queryReplyCodec } from '../wire/codec.ts';
import type { CallReference, Query, QueryReply, SignedQuery, SignedQueryReply } from '../wire/messages.ts';
import { proveReply } from './prove-reply.ts';
import { isId, proveSigner } from './request.ts';

export type QueryContent = Pick<Query, 'describe' | 'result' | 'cancel' | 'store'>;

/** Milliseconds within which a node may reply. */
const timeToLive = 60_000;

/** Signs a query to one node, other than a call: over a relay, no connection proves the caller. */
export function signQuery(target: string, content: QueryContent, caller: Credentials, now: number): SignedQuery {
  const query = queryCodec.encode({
    ...content,
    protocol: protocolVersion,
    nonce: randomBytes(16),
    target,
    caller: formatIdentity(caller.identity),
    issuedAt: now,
    timeToLive,
  });
  return { query, signature: sign('query', query, caller.key), chain: chainOf(caller) };
}

/** A query, and its proven caller. */
export interface OpenedQuery {
  readonly query: Query;
  readonly caller: ProvenCertificate;
}

/**
 * Opens a query and proves its caller.
 * @throws Problem `malformed-message`, `other-protocol`, `bad-signature`, or as {@link proveSigner}
 */
export function openQuery(signed: SignedQuery, trust: Trust, now: number): OpenedQuery {
  const query = queryCodec.decode(signed.query);
  if (query.protocol !== protocolVersion) {
    throw new Problem('other-protocol', `the query speaks protocol ${query.protocol}, this node ${protocolVersion}`);
  }
  if (query.nonce.length !== 16) throw new Problem('malformed-message', 'the query has no proper nonce');
  for (const call of [query.result, query.cancel]) if (call) requireReference(call);
  const caller = proveSigner('query', { ...signed, message: signed.query }, query.caller, trust, now);
  return { query, caller };
}

/** A node keeps it in memory, if it does not know that call. */
function requireReference({ requestId, try: attempt, requestDigest }: CallReference): void {
  if (isId(requestId) && attempt >= 1 && requestDigest.length === 32) return;
  throw new Problem('malformed-message', 'the query has no proper id, try or digest of a call');
}

export function digestQuery(query: Uint8Array): Buffer {
  return createHash('sha256').update(query).digest();
}

export function signQueryReply(
  content: Pick<QueryReply, 'description' | 'result' | 'store'>,
  query: Uint8Array,
  node: Credentials,
): SignedQueryReply {
  const reply = queryReplyCodec.encode({
    ...content,
    protocol: protocolVersion,
    node: node.identity.name,
    queryDigest: digestQuery(query),
  });
  return { reply, signature: sign('query-reply', reply, node.key), chain: chainOf(node) };
}

/**
 * Opens a node's reply to a query, and proves that it comes from that node and belongs to this query: so a reply is as
 * new as the query's nonce.
 * @throws Problem `bad-reply`, or as {@link proveReply}
 */
export function openQueryReply(
  signed: SignedQueryReply,
  query: Uint8Array,
  node: string,
  trust: Trust,
  now: number,
): QueryReply {
  const read = () => queryReplyCodec.decode(signed.reply);
  const reply = proveReply('query-reply', signed, node, { trust, now, read });
  if (!digestQuery(query).equals(reply.queryDigest)) {
    throw new Problem('bad-reply', `the reply of ${node} belongs to another query`);
  }
  return reply;
}
