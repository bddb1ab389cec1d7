import {
  issuersIn,
  type ProvenCertificate,
  parseCertificate,
  proveCertificate,
  type Trust,
} from '../credentials/certificate.ts';
import { rememberIssuers } from '../credentials/issuers.ts';
import { Problem } from '../errors.ts';
import { formatIdentity } from '../identity.ts';
import { type JsonObject, parseJsonObject } from '../json.ts';
import { revealSensitive } from './sensitive.ts';
import { verifies } from '../credentials/signature.ts';
import { protocolVersion, requestCodec } from '../wire/codec.ts';
import type { Request, SignedRequest } from '../wire/messages.ts';

/** A request as it came, taken apart; nothing of it is believed yet. */
export interface OpenedRequest {
  readonly signed: SignedRequest;
  readonly request: Request;
  /** As signed: sensitive values stand as commitments. For the audit log. */
  readonly shown: JsonObject;
}

/** @throws Problem `malformed-message`, `malformed-json`, `other-protocol` */
export function openRequest(signed: SignedRequest): OpenedRequest {
  const request = requestCodec.decode(signed.request);
  if (request.protocol !== protocolVersion) {
    throw new Problem(
      'other-protocol',
      `the request speaks protocol ${request.protocol}, this node speaks ${protocolVersion}`,
      'use a client of the same major version',
    );
  }
  if (!/^[0-9a-f]{32}$/.test(request.requestId) || request.nonce.length !== 16 || request.try < 1) {
    throw new Problem('malformed-message', 'the request has no proper id, nonce or try');
  }
  return { signed, request, shown: parseJsonObject(request.arguments, 'the arguments') };
}

/**
 * Proves by its signature who made the request, over whichever connection it came.
 * @throws Problem `bad-signature`, `bad-commitment`, or as {@link proveCertificate}
 */
export function proveCaller({ signed, request }: OpenedRequest, trust: Trust, now: number): ProvenCertificate {
  const [leaf] = signed.chain;
  if (leaf === undefined) throw new Problem('bad-signature', 'the request has no certificate');
  const certificate = parseCertificate(leaf);
  if (!verifies('request', signed.request, signed.signature, certificate)) {
    throw new Problem('bad-signature', 'the signature of the request does not hold');
  }
  rememberIssuers(issuersIn(signed.chain), trust);
  const proven = proveCertificate(certificate, 'operator', trust, now);
  if (request.caller !== formatIdentity(proven.identity)) {
    throw new Problem('bad-signature', `the request names ${request.caller}, its certificate ${proven.identity.name}`);
  }
  return proven;
}

/** The arguments with sensitive values in place. @throws Problem `bad-commitment` */
export function revealInput({ signed, shown }: OpenedRequest): JsonObject {
  return revealSensitive(shown, signed.sensitive);
}
