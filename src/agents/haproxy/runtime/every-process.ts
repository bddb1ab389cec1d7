import { Problem } from '../../../core/errors.ts';
import type { Processes } from './process.ts';

/**
 * Checks that each process of a HAProxy with several (`nbproc`, up to 2.4) has a socket: every one has its own states
 * of servers, and a socket leads to one of them.
 * @throws Problem `haproxy-processes`
 */
export function requireEveryProcess(processes: Processes): void {
  const several = Object.entries(processes).flatMap(([socket, { share }]) => (share ? [{ socket, ...share }] : []));
  for (const [of, some] of Map.groupBy(several, (one) => one.of)) {
    const timesOf = (number: number) => some.filter((one) => one.number === number).length;
    const most = Math.max(...some.map(({ number }) => timesOf(number)));
    const missing = Array.from({ length: of }, (_, at) => at + 1).filter((number) => timesOf(number) < most);
    if (missing.length === 0) continue;
    const where = some.map(({ socket }) => socket).join(', ');
    throw new Problem(
      'haproxy-processes',
      `HAProxy at ${where} runs as ${of} processes (“nbproc”), and no socket leads to number ${missing.join(', ')}`,
      'give each process a “stats socket … process N”, and list all in “sockets”; or use “nbthread” instead',
    );
  }
}
