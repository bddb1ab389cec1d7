import { type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { formatIdentity, type Identity } from '../identity.ts';
import type { JsonObject } from '../json.ts';
import { hideSensitive } from './sensitive.ts';
import { sign } from '../credentials/signature.ts';
import { protocolVersion, requestCodec } from '../wire/codec.ts';
import type { FilterTerms, SignedRequest } from '../wire/messages.ts';

/** One's own identity with what proves it. */
export interface Credentials {
  readonly identity: Identity;
  readonly certificate: X509Certificate;
  /** The intermediate CAs between the certificate and its root, as they stand after it in its file. */
  readonly issuers?: readonly X509Certificate[];
  readonly key: KeyObject;
}

/** What to ask of a node; the rest of a Request is filled in when it is sealed. */
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
  /** Milliseconds within which the node may begin. */
  readonly timeToLive: number;
  /** Milliseconds since the epoch, or 0. */
  readonly deadline: number;
  readonly runId: string;
  readonly step: string;
  readonly lease: string;
  readonly fence: number;
  /** The end of the target's audit log that the caller knows. */
  readonly known?: { readonly sequence: number; readonly hash: string };
  /** Have the node reply as soon as it has begun; the agent jobs keeps the outcome. */
  readonly detach?: boolean;
  /** Which nodes are meant, where that was not asked before: a node that does not match refuses (`not-matched`). */
  readonly filter?: FilterTerms;
}

/** What a call is unless its caller says otherwise: a first try, outside of a run, which may begin within a minute. */
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

/** 32 hex digits, as every request and run is named. */
export function newId(): string {
  return randomBytes(16).toString('hex');
}

/** A certificate with what leads from it to its root (DER), as it goes along with what it signs. */
export function chainOf({ certificate, issuers = [] }: Credentials): Buffer[] {
  return [certificate, ...issuers].map(({ raw }) => raw);
}

/** Makes the bytes of a request, signs them, and puts the sensitive values beside them. */
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
