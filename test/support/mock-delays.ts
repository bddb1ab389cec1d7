import { syncBuiltinESMExports } from 'node:module';
import { mock } from 'node:test';

/** The clock of setTimeout, which stands still until a test moves it on. */
export interface MockedDelays extends Disposable {
  /** Moves it on by so many milliseconds, and lets everything run that does not wait for it. */
  readonly pass: (milliseconds: number) => Promise<void>;
}

/** Mocks setTimeout, also where a module has imported it from node:timers/promises. */
export function mockDelays(): MockedDelays {
  mock.timers.enable({ apis: ['setTimeout'] });
  syncBuiltinESMExports();
  return {
    pass: async (milliseconds) => {
      mock.timers.tick(milliseconds);
      await someTurns();
    },
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
