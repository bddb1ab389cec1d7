import type { X509Certificate } from 'node:crypto';
import { type Credentials, sign, verifies } from '../credentials/signature.ts';
import type { AuditHead } from '../wire/messages.ts';
import type { ChainState } from './record.ts';

/** The signed text of a head: `NODE NUL SEQUENCE NUL HASH`. */
function headBytes(node: string, { sequence, hash }: ChainState): Buffer {
  return Buffer.from(`${node}\0${sequence}\0${hash}`);
}

/** The signed end of the log. Callers keep it: a file cannot prove that its tail was not cut. */
export function signHead(state: ChainState, node: Credentials): AuditHead {
  return {
    sequence: state.sequence,
    hash: Buffer.from(state.hash, 'hex'),
    signature: sign('audit-head', headBytes(node.identity.name, state), node.key),
  };
}

export function headVerifies(head: AuditHead, node: string, certificate: X509Certificate): boolean {
  const state = { sequence: head.sequence, hash: head.hash.toString('hex') };
  return verifies('audit-head', headBytes(node, state), head.signature, certificate);
}
