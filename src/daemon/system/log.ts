import { pino } from 'pino';
import type { Log } from '../../core/ports.ts';
import { openLogOutput } from './log-output.ts';

/** JSON lines on standard output, as a service manager collects them. */
export function startLog(level: string, node: string): Log {
  const dropped = (count: number) => {
    const time = new Date().toISOString();
    return `${JSON.stringify({ level: 'warn', time, node, dropped: count, msg: 'lines of this log could not be written' })}\n`;
  };
  const options = {
    level,
    base: { node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return pino(options, openLogOutput(1, dropped));
}
