import type { ListenLimits } from '../../../src/transport/server/options.ts';

/** Limits that no test reaches, to be narrowed where one should. */
export const roomyLimits: ListenLimits = {
  connections: {
    total: 1000,
    perAddress: 1000,
    perCaller: 1000,
    unproven: 1000,
    unprovenPerAddress: 1000,
    handshake: 60_000,
    quiet: 600_000,
  },
  stall: 60_000,
  idle: 600_000,
};
