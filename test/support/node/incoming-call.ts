import type { ProvenCertificate } from '../../../src/core/credentials/proof.ts';
import { actionOf } from '../../../src/core/ddl/ddl.ts';
import { callerId, defineIdentity, formatIdentity } from '../../../src/core/identity.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { callDefaults, newId } from '../../../src/core/request/request.ts';
import type { Request, SignedRequest } from '../../../src/core/wire/messages.ts';
import type { IncomingCall } from '../../../src/daemon/incoming-call.ts';
import { probeAgent } from '../agents/probe-agent.ts';

type Changes = Partial<Omit<Request, 'caller'>> &
  Partial<Pick<IncomingCall, 'gone' | 'headCheck' | 'caller' | 'verification' | 'peer'>> & {
    readonly input?: JsonObject;
    readonly sensitive?: SignedRequest['sensitive'];
  };

const rip = defineIdentity('operator', 'devco.net', 'rip@devco.net');

/** A call of the probe agent as a stage of the pipeline receives it, verified: `probe.count`, unless changed. */
export function incomingCall({
  gone,
  headCheck,
  caller,
  verification,
  peer,
  input,
  sensitive,
  ...changes
}: Changes = {}): IncomingCall {
  const { sensitive: _none, ...defaults } = callDefaults;
  const request: Request = {
    ...defaults,
    protocol: 1,
    requestId: newId(),
    nonce: Buffer.alloc(16, 7),
    target: 'dev2.devco.net',
    agent: 'probe',
    action: 'count',
    arguments: Buffer.from('{}'),
    issuedAt: Date.now(),
    filter: null,
    knownSequence: 0,
    knownHash: Buffer.alloc(0),
    detach: false,
    ...changes,
    caller: formatIdentity(rip),
  };
  return {
    opened: {
      request,
      signed: { request: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [], sensitive: sensitive ?? {} },
      shown: input ?? {},
    },
    peer: peer ?? rip,
    // The stages only use its identity.
    verification: verification ?? { caller: { identity: rip } as ProvenCertificate },
    caller: caller ?? callerId(rip),
    entry: request.agent === 'probe' ? probeAgent : undefined,
    action: request.agent === 'probe' ? actionOf(probeAgent.ddl, request.action) : undefined,
    input: {},
    headCheck: headCheck ?? 'UNCHECKED',
    onProgress: () => {},
    gone: gone ?? new AbortController().signal,
  };
}
