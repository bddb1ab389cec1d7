import { keepalive, type ListenLimits } from '../../transport/server/options.ts';
import type { AuditLimits } from '../audit/files/rotate.ts';
import type { CallerLimits } from '../calls/caller-limits.ts';
import type { NodeConfig } from './config.ts';

/** The configured limits of connections, in milliseconds. */
export function listenLimits({ limits, listen }: NodeConfig): ListenLimits {
  return {
    connections: {
      total: listen.max_connections,
      perAddress: limits.connections_per_address,
      perCaller: limits.connections_per_caller,
      unproven: limits.unproven_connections,
      unprovenPerAddress: limits.unproven_per_address,
      handshake: limits.handshake * 1000,
      quiet: Math.max(limits.idle * 1000, keepalive) + keepalive,
    },
    stall: limits.stall * 1000,
    idle: limits.idle * 1000,
  };
}

export function callerLimits({ limits }: NodeConfig): CallerLimits {
  return { atOnce: limits.calls_per_caller, rate: limits.rate, burst: limits.burst };
}

/** The limits of one relay: each of its requests also counts against its signer. */
export function relayLimits({ limits }: NodeConfig): CallerLimits {
  return { atOnce: limits.calls_per_relay, rate: limits.rate_per_relay, burst: limits.rate_per_relay * 10 };
}

export function auditLimits({ audit: { max_bytes: maxBytes, max_age: days, keep } }: NodeConfig): AuditLimits {
  return { maxBytes, maxAge: days * 86_400_000, keep };
}
