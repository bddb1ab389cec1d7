import { defineIdentity } from '../../../src/core/identity.ts';
import { callDefaults, newId } from '../../../src/core/request/seal.ts';
import type { Request } from '../../../src/core/wire/messages.ts';
import type { IncomingCall } from '../../../src/daemon/call.ts';
import { probeAgent } from '../agents/probe-agent.ts';

type Changes = Partial<Request> & Partial<Pick<IncomingCall, 'gone' | 'headCheck' | 'caller'>>;

const caller = 'cert=rip@devco.net';

/** A call of the probe agent as a stage of the pipeline receives it, verified: `probe.count`, unless changed. */
export function incomingCall({ gone, headCheck = 'UNCHECKED', ...changes }: Changes = {}): IncomingCall {
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
    caller: 'mco://devco.net/operator/rip@devco.net',
  };
  return {
    opened: {
      request,
      signed: { request: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [], sensitive: {} },
      shown: {},
    },
    peer: defineIdentity('operator', 'devco.net', 'rip@devco.net'),
    // What the stages behind *verify* look at is only that there is no problem.
    verdict: { caller: undefined as never },
    caller: changes.caller ?? caller,
    entry: probeAgent,
    action: probeAgent.ddl.actions[request.action],
    input: {},
    headCheck,
    onProgress: () => {},
    gone: gone ?? new AbortController().signal,
  };
}
