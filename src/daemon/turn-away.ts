import type { AgentEntry } from '../core/agent.ts';
import { Problem } from '../core/errors.ts';
import { callerId, type Identity } from '../core/identity.ts';
import type { NodeService, TlsState } from '../core/ports.ts';
import type { SignedRequest } from '../core/wire/messages.ts';
import { type Handle, openCall } from './call.ts';
import type { StrangerLog } from './stranger-log.ts';

export interface TurnAwayParts {
  readonly agents: () => readonly AgentEntry[];
  readonly tls: () => TlsState;
  readonly handle: Handle;
  readonly strangers: StrangerLog;
  readonly now: () => number;
}

/**
 * Writes down who was turned away at the door, where the handshake had let it in: a certificate that was revoked or
 * ended since. A request that it brought goes through the pipeline as one of this caller whose certificate does not
 * hold: so it is in the audit log, and goes no further. What brings none, or none that can be read, is only noted.
 */
export function defineTurnAway({ agents, tls, handle, strangers, now }: TurnAwayParts): NodeService['turnAway'] {
  return async (peer, problem, signed) => {
    const call = peer === undefined ? undefined : open(peer, signed);
    if (call === undefined) strangers.note(peer === undefined ? 'nobody' : callerId(peer), problem.message);
    else await handle({ ...call, caller: callerId(call.peer), verdict: { problem } });
  };

  function open(peer: Identity, signed: SignedRequest | undefined) {
    if (signed === undefined) return undefined;
    try {
      const call = openCall(signed, peer, agents(), tls().trust, now());
      return { ...call, onProgress: () => {}, gone: new AbortController().signal };
    } catch (error) {
      if (error instanceof Problem) return undefined;
      throw error;
    }
  }
}
