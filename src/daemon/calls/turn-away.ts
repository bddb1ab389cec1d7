import type { AgentEntry } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { callerId, type Identity } from '../../core/identity.ts';
import type { NodeService, TlsState } from '../../core/ports.ts';
import type { SignedRequest } from '../../core/wire/messages.ts';
import { type Handle, openCall } from '../call.ts';
import type { CallerLimiter } from './caller-limits.ts';
import { startRefusalSampling } from '../audit/refusal-sampling.ts';
import type { StrangerLog } from '../audit/stranger-log.ts';

export interface TurnAwayParts {
  readonly agents: () => readonly AgentEntry[];
  readonly tls: () => TlsState;
  readonly handle: Handle;
  readonly strangers: StrangerLog;
  readonly turnstile: CallerLimiter;
  readonly now: () => number;
}

const limits = new Set(['busy', 'rate-limited']);

/**
 * Writes down who was turned away at the door, where the handshake had let it in: a certificate that was revoked or
 * ended since, or a caller that asks for too much, which is written down now and then with their number. A request that it brought goes through the pipeline as one of this caller whose certificate does not
 * hold: so it is in the audit log, and goes no further. What brings none, or none that can be read, is only noted.
 */
export function defineTurnAway(parts: TurnAwayParts): NodeService['turnAway'] {
  const { agents, tls, handle, strangers, turnstile, now } = parts;
  const sparing = startRefusalSampling(now);
  return async (peer, problem, signed) => {
    if (peer === undefined) {
      strangers.note('nobody', problem.message);
      return;
    }
    const noted = comesSlowly(peer, problem, signed) ? problem : sparing.choose(callerId(peer), problem);
    if (noted === undefined) return;
    const call = open(peer, signed);
    if (call === undefined) strangers.note(callerId(peer), noted.message);
    else await handle({ ...call, caller: callerId(call.peer), verification: { problem: noted } });
  };

  /** What is refused counts like what is not: else it could fill the disk. */
  function comesSlowly(peer: Identity, { code }: Problem, signed: SignedRequest | undefined): boolean {
    if (limits.has(code)) return false;
    try {
      turnstile.enter(callerId(peer), signed?.request.length ?? 0)();
      return true;
    } catch (error) {
      if (error instanceof Problem) return false;
      throw error;
    }
  }

  function open(peer: Identity, signed: SignedRequest | undefined) {
    if (signed === undefined) return undefined;
    try {
      const call = openCall(signed, peer, agents(), tls().trust, now());
      return { ...call, headCheck: 'UNCHECKED' as const, onProgress: () => {}, gone: new AbortController().signal };
    } catch (error) {
      if (error instanceof Problem) return undefined;
      throw error;
    }
  }
}
