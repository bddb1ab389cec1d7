import { randomBytes } from 'node:crypto';
import { issuersIn, parseCertificate } from '../credentials/certificate.ts';
import { type ProvenCertificate, proveCertificate, type Trust } from '../credentials/proof.ts';
import { chainOf, type Credentials, sign, verifies } from '../credentials/signature.ts';
import { rememberIssuers } from '../credentials/issuers.ts';
import { Problem } from '../errors.ts';
import { formatIdentity } from '../identity.ts';
import { type JsonObject, parseJsonObject } from '../json.ts';
import { protocolVersion, requestCodec } from '../wire/codec.ts';
import type { FilterTerms, Request, SignedRequest } from '../wire/messages.ts';
import { hideSensitive, revealSensitive } from './sensitive.ts';

/** The variable parts of a request; the rest is filled in when it is sealed. */
export interface CallOptions {
  readonly requestId: string;
  readonly try: number;
  readonly target: string;
  readonly agent: string;
  readonly action: string;
  readonly input: JsonObject;
  /** Names of inputs to hide behind commitments. */
  readonly sensitive: readonly string[];
  readonly dryRun: boolean;
  /** Milliseconds within which the node may start it. */
  readonly timeToLive: number;
  /** Milliseconds since the epoch, or 0. */
  readonly deadline: number;
  readonly runId: string;
  readonly step: string;
  readonly lease: string;
  readonly fence: number;
  /** The latest head of the target's audit log that the caller knows. */
  readonly known?: { readonly sequence: number; readonly hash: string };
  /** Makes the node reply as soon as it has started; the agent jobs stores the outcome. */
  readonly detach?: boolean;
  /** The filter for nodes that were not selected before: a node that does not match refuses (`not-matched`). */
  readonly filter?: FilterTerms;
}

/** The defaults of a call: a first try, outside of a run, which may start within a minute. */
export const callDefaults = {
  try: 1,
  sensitive: [],
  dryRun: false,
  timeToLive: 60_000,
  deadline: 0,
  runId: '',
  step: '',
  lease: '',
  fence: 0,
} as const satisfies Partial<CallOptions>;

/** 32 hex digits, the form of every request id and run id. */
export function newId(): string {
  return randomBytes(16).toString('hex');
}

/** Encodes and signs a request, and adds the sensitive values beside it. */
export function sealRequest(options: CallOptions, credentials: Credentials, now: number): SignedRequest {
  const { shown, sensitive } = hideSensitive(options.input, options.sensitive);
  const { input: _input, sensitive: _names, known, ...fields } = options;
  const request = requestCodec.encode({
    ...fields,
    protocol: protocolVersion,
    nonce: randomBytes(16),
    caller: formatIdentity(credentials.identity),
    arguments: Buffer.from(JSON.stringify(shown)),
    issuedAt: now,
    knownSequence: known?.sequence ?? 0,
    knownHash: Buffer.from(known?.hash ?? '', 'hex'),
    filter: options.filter ?? null,
    detach: options.detach ?? false,
  });
  return {
    request,
    signature: sign('request', request, credentials.key),
    chain: chainOf(credentials),
    sensitive,
  };
}

/** A decoded request; nothing of it is proven yet. */
export interface OpenedRequest {
  readonly signed: SignedRequest;
  readonly request: Request;
  /** As signed: sensitive values are replaced by commitments. For the audit log. */
  readonly shown: JsonObject;
}

/** Whether a text names a request, or a run. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** Names in a request that its node may keep in memory, and repeat in messages. */
const names = ['target', 'agent', 'action', 'runId', 'lease'] as const;
const longestName = 1024;

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
  if (!isId(request.requestId) || request.nonce.length !== 16 || request.try < 1) {
    throw new Problem('malformed-message', 'the request has no proper id, nonce or try');
  }
  const long = names.find((name) => request[name].length > longestName);
  if (long !== undefined) {
    throw new Problem('malformed-message', `the request’s ${long} has more than ${longestName} characters`);
  }
  return { signed, request, shown: parseJsonObject(request.arguments, 'the arguments') };
}

/**
 * Proves by its signature who made the request, over any connection.
 * @throws Problem `bad-signature`, or as {@link proveCertificate}
 */
export function proveCaller({ signed, request }: OpenedRequest, trust: Trust, now: number): ProvenCertificate {
  return proveSigner('request', { ...signed, message: signed.request }, request.caller, trust, now);
}

interface SignedMessage {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  /** Certificates, in DER: the signer's first. */
  readonly chain: readonly Uint8Array[];
}

/**
 * Proves by its signature that an operator made a message.
 * @param named the caller that the message names
 * @throws Problem `bad-signature`, or as {@link proveCertificate}
 */
export function proveSigner(
  kind: 'request' | 'query',
  { message, signature, chain }: SignedMessage,
  named: string,
  trust: Trust,
  now: number,
): ProvenCertificate {
  const [leaf] = chain;
  if (leaf === undefined) throw new Problem('bad-signature', `the ${kind} has no certificate`);
  const certificate = parseCertificate(leaf);
  if (!verifies(kind, message, signature, certificate)) {
    throw new Problem('bad-signature', `the signature of the ${kind} is not valid`);
  }
  rememberIssuers(issuersIn(chain), trust);
  const proven = proveCertificate(certificate, 'operator', trust, now);
  if (named !== formatIdentity(proven.identity)) {
    throw new Problem('bad-signature', `the ${kind} names ${named}, its certificate ${proven.identity.name}`);
  }
  return proven;
}

/** The arguments with sensitive values in place. @throws Problem `bad-commitment` */
export function revealInput({ signed, shown }: Pick<OpenedRequest, 'signed' | 'shown'>): JsonObject {
  return revealSensitive(shown, signed.sensitive);
}
