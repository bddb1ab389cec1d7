import type { Log } from '../../core/ports.ts';

/** For parts of the daemon that run for a check, and not to serve: their warnings are not needed. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
