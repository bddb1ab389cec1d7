import { randomBytes } from 'node:crypto';
import { issuersIn, parseCertificate } from '../credentials/certificate.ts';
import { proveCertificate, type Trust } from '../credentials/proof.ts';
import { rememberIssuers } from '../credentials/issuers.ts';
import { sign, verifies, chainOf, type Credentials } from '../credentials/signature.ts';
import { Problem } from '../errors.ts';
import { callerId, formatIdentity, isNodeName } from '../identity.ts';
import { protocolVersion, ticketCodec } from '../wire/codec.ts';
import type { SignedTicket, Ticket } from '../wire/messages.ts';
import { digestSize, sha256 } from './chunks.ts';
import { largestArtifact } from './limits.ts';

/** An operator's permission to copy one artifact between certain nodes until a certain time. */
export type TicketContent = Omit<Ticket, 'protocol' | 'nonce' | 'operator'>;

/** A ticket that was proven, and its key. */
export interface ProvenTicket {
  readonly ticket: Ticket;
  readonly signed: SignedTicket;
  /** SHA-256 (hex) of its signed bytes. */
  readonly id: string;
  /** The signer, as policies write it. */
  readonly caller: string;
  /** Whether its certificate is limited to some applications. */
  readonly limited: boolean;
}

/** The maximum lifetime of a ticket in milliseconds. */
export const longestValidity = 24 * 60 * 60 * 1000;

const applicationPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const revisionPattern = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,127}$/;

export function isApplicationName(name: string): boolean {
  return applicationPattern.test(name);
}

export function isRevisionName(name: string): boolean {
  return revisionPattern.test(name);
}

export function signTicket(content: TicketContent, operator: Credentials): SignedTicket {
  const ticket = ticketCodec.encode({
    ...content,
    protocol: protocolVersion,
    nonce: randomBytes(16),
    operator: formatIdentity(operator.identity),
  });
  return { ticket, signature: sign('ticket', ticket, operator.key), chain: chainOf(operator) };
}

/**
 * Verifies a ticket: its signer, that it is valid now, and that it is for this node.
 * @param node the identity that wants to use it
 * @param grace milliseconds by which clocks may differ
 * @throws Problem `bad-ticket`, `expired-ticket`, or as {@link proveCertificate}
 */
export function openTicket(signed: SignedTicket, node: string, trust: Trust, now: number, grace: number): ProvenTicket {
  const [leaf] = signed.chain;
  if (leaf === undefined) throw new Problem('bad-ticket', 'the ticket has no certificate');
  const certificate = parseCertificate(leaf);
  if (!verifies('ticket', signed.ticket, signed.signature, certificate)) {
    throw new Problem('bad-ticket', 'the signature of the ticket is not valid');
  }
  rememberIssuers(issuersIn(signed.chain), trust);
  const { identity } = proveCertificate(certificate, 'operator', trust, now);
  const ticket = ticketCodec.decode(signed.ticket);
  if (ticket.operator !== formatIdentity(identity)) {
    throw new Problem('bad-ticket', `the ticket names ${ticket.operator}, its certificate ${identity.name}`);
  }
  const only = identity.applications;
  if (only?.includes(ticket.application) === false) {
    const what = `the certificate of ${identity.name} is for ${only.join(', ')}, not for ${ticket.application}`;
    throw new Problem('not-for-application', what);
  }
  assertContent(ticket);
  assertTime(ticket, now, grace);
  assertNode(ticket, node);
  return {
    ticket,
    signed,
    id: sha256(signed.ticket).toString('hex'),
    caller: callerId(identity),
    limited: only !== undefined,
  };
}

/** @throws Problem `bad-ticket` when the ticket is not for that node */
export function assertNode({ nodes, application, revision }: Ticket, node: string): void {
  if (nodes.includes(node)) return;
  throw new Problem('bad-ticket', `the ticket for ${application} ${revision} is not for ${node}`);
}

/** @throws Problem `expired-ticket` */
export function assertTime({ issuedAt, expiresAt }: Ticket, now: number, grace: number): void {
  const at = (time: number) => new Date(time).toISOString();
  if (now > expiresAt + grace) {
    throw new Problem('expired-ticket', `the ticket ended at ${at(expiresAt)}, and it is ${at(now)}`, 'publish again');
  }
  if (now < issuedAt - grace) {
    const message = `the ticket begins at ${at(issuedAt)}, and it is ${at(now)}`;
    throw new Problem('expired-ticket', message, 'set the clocks of both hosts');
  }
}

function assertContent(ticket: Ticket): void {
  const { protocol, application, revision, sha256: digest, manifestSha256, size, nodes, sumsSignature } = ticket;
  const { issuedAt, expiresAt } = ticket;
  const holds =
    protocol === protocolVersion &&
    isApplicationName(application) &&
    isRevisionName(revision) &&
    digest.length === digestSize &&
    manifestSha256.length === digestSize &&
    Number.isSafeInteger(size) &&
    size > 0 &&
    size <= largestArtifact &&
    nodes.every(isNodeName) &&
    [0, 64].includes(sumsSignature.length) &&
    expiresAt - issuedAt <= longestValidity;
  if (!holds) throw new Problem('bad-ticket', 'the content of the ticket is not valid');
}
