import type { Log } from '../../core/ports.ts';

/** For parts of the daemon that are used to look, and not to serve: what they warn of is asked for. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
