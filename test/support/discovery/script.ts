import type { Log } from '../../../src/core/ports.ts';

/** The request of the test that started this script. */
export const options = JSON.parse(process.env.OPTIONS ?? '{}') as Record<string, never>;

export function report(fact: object): void {
  process.stdout.write(`${JSON.stringify(fact)}\n`);
}

/** Resolves when the test ends this script's standard input. */
export function untilStopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  process.stdin.resume().once('end', resolve).once('close', resolve);
  return promise;
}

export const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => report({ log: 'warn', message, ...fields }),
  error: (fields, message) => report({ log: 'error', message, ...fields }),
};
