import type { AgentEntry } from '../../core/agent.ts';
import { Problem } from '../../core/errors.ts';
import { callerId, type Identity } from '../../core/identity.ts';
import type { NodeService, TlsState } from '../../core/ports.ts';
import type { SignedRequest } from '../../core/wire/messages.ts';
import { type Handle, judgeRequest, openCall } from '../incoming-call.ts';
import type { CallerLimiter } from './caller-limits.ts';
import { startRefusalSampling } from '../audit/refusal-sampling.ts';
import type { StrangerLog } from '../audit/stranger-log.ts';

export interface TurnAwayParts {
  readonly agents: () => readonly AgentEntry[];
  readonly tls: () => TlsState;
  readonly handle: Handle;
  readonly strangers: StrangerLog;
  readonly callerLimiter: CallerLimiter;
  readonly now: () => number;
}

const limits = new Set(['busy', 'rate-limited']);

/**
 * Records refusals after the handshake: a certificate that was revoked or ended since, or a caller beyond its limits,
 * which is recorded at intervals with a count. If it sent a request, that goes through the pipeline as a request of
 * this caller with an invalid certificate: so it is in the audit log, and goes no further. Without a readable request,
 * the daemon only logs it.
 */
export function defineTurnAway(parts: TurnAwayParts): NodeService['turnAway'] {
  const { agents, tls, handle, strangers, callerLimiter, now } = parts;
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

  /** A refused request counts like any other: else it could fill the disk. */
  function comesSlowly(peer: Identity, { code }: Problem, signed: SignedRequest | undefined): boolean {
    if (limits.has(code)) return false;
    try {
      callerLimiter.enter(callerId(peer), signed?.request.length ?? 0)();
      return true;
    } catch (error) {
      if (error instanceof Problem) return false;
      throw error;
    }
  }

  function open(peer: Identity, signed: SignedRequest | undefined) {
    if (signed === undefined) return undefined;
    try {
      const call = openCall(judgeRequest(signed, tls().trust, now()), peer, agents());
      return { ...call, headCheck: 'UNCHECKED' as const, onProgress: () => {}, gone: new AbortController().signal };
    } catch (error) {
      if (error instanceof Problem) return undefined;
      throw error;
    }
  }
}
