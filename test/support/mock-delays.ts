import { syncBuiltinESMExports } from 'node:module';
import { mock } from 'node:test';

/** The clock of setTimeout, which stands still until a test moves it on. */
export interface MockedDelays extends Disposable {
  /** Moves it on by so many milliseconds, and lets everything run that does not wait for it. */
  readonly pass: (milliseconds: number) => Promise<void>;
  /** The same, as a program sees it that was stopped meanwhile: all that is due runs at the end. */
  readonly stop: (milliseconds: number) => Promise<void>;
}

/** Mocks setTimeout, also where a module has imported it from node:timers/promises. */
export function mockDelays(): MockedDelays {
  mock.timers.enable({ apis: ['setTimeout'] });
  syncBuiltinESMExports();
  const stop = async (milliseconds: number) => {
    mock.timers.tick(milliseconds);
    await someTurns();
  };
  return {
    pass: async (milliseconds) => {
      // In steps: a timer that another one begins is due at its own time.
      const step = milliseconds > 100_000 ? 1000 : 1;
      let left = milliseconds;
      for (; left > step; left -= step) mock.timers.tick(step);
      await stop(left);
    },
    stop,
    [Symbol.dispose]: () => {
      mock.timers.reset();
      syncBuiltinESMExports();
    },
  };
}

/** Long enough for everything that waits for no timer, file or socket. */
export async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
