import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { Credentials } from '../../core/credentials/signature.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { readInput } from '../../core/files/read-input.ts';
import { sha256 } from '../../core/publish/chunks.ts';
import { sumsOf } from '../../core/publish/layout.ts';
import { isApplicationName, isRevisionName, signTicket } from '../../core/publish/ticket.ts';
import { signedTicketCodec } from '../../core/wire/codec.ts';
import type { LocalArtifact } from './artifact.ts';

/** What is published, and under which names. */
export interface Publication {
  readonly application: string;
  readonly revision: string;
  readonly artifact: LocalArtifact;
  /** Signs the file of sums; none if omitted. */
  readonly key?: KeyObject;
  /** The lifetime of the ticket in milliseconds. */
  readonly validity: number;
}

/** @throws Problem `usage` */
export function assertNames(application: string, revision: string): void {
  if (!isApplicationName(application)) {
    throw new Problem(
      'usage',
      `“${application}” is not a valid name of an application`,
      'use letters, digits and . _ -',
    );
  }
  if (isRevisionName(revision)) return;
  throw new Problem('usage', `“${revision}” is not a valid revision`, 'use letters, digits and . _ + ~ -');
}

/** @throws Problem `bad-key` unless it is an Ed25519 private key in PEM */
export async function readSigningKey(file: string): Promise<KeyObject> {
  let why = 'it is not an Ed25519 key';
  try {
    const key = createPrivateKey(await readInput(file));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (cause) {
    why =
      (cause as NodeJS.ErrnoException).syscall === undefined ? 'it is not a private key in PEM' : explainErrno(cause);
  }
  throw new Problem(
    'bad-key',
    `${file} cannot be used to sign: ${why}`,
    'make one: openssl genpkey -algorithm ed25519',
  );
}

/** A ticket for these nodes. @returns it in the form of the action `prepare`, and its id in that of `fetch` */
export function makeTicket(
  { application, revision, artifact, key, validity }: Publication,
  nodes: readonly string[],
  operator: Credentials,
  now: number,
): { readonly encoded: string; readonly id: Buffer } {
  const sums = Buffer.from(sumsOf(application, revision, artifact.sha256.toString('hex')));
  const signed = signTicket(
    {
      application,
      revision,
      sha256: artifact.sha256,
      size: artifact.size,
      manifestSha256: sha256(artifact.manifest),
      nodes: [...nodes],
      issuedAt: now,
      expiresAt: now + validity,
      sumsSignature: key === undefined ? Buffer.alloc(0) : sign(null, sums, key),
    },
    operator,
  );
  return { encoded: signedTicketCodec.encode(signed).toString('base64'), id: sha256(signed.ticket) };
}
