import { setTimeout as sleep } from 'node:timers/promises';

/** Repeats assertions until they hold, for at most a minute. @returns what they return @throws the last failure */
export async function eventually<T>(check: () => Promise<T>): Promise<T> {
  const end = performance.now() + 60_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(25);
    }
  }
}
