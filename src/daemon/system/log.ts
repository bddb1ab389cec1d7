import { pino } from 'pino';
import type { Log } from '../../core/ports.ts';

/** JSON lines on standard output, as a service manager collects them. */
export function startLog(level: string, node: string): Log {
  return pino({
    level,
    base: { node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
