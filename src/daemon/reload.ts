import { defineMutex } from '../core/waiting/concurrency.ts';
import { explain } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';

/** A part that can be read again while the daemon runs. When it fails, the old state stays in force. */
export interface Reloadable {
  /** For a person: the part that is read again. */
  readonly name: string;
  readonly reload: () => Promise<void>;
}

export interface Reloading {
  /** Reads everything again, one part after the other. A part that fails is reported and does not stop the others. */
  readonly reload: () => Promise<void>;
  /** The parts that could not be read again, until they can. */
  readonly warnings: () => readonly string[];
}

export function defineReloading(parts: readonly Reloadable[], log: Log): Reloading {
  const faults = new Map<string, string>();
  const attempt = async ({ name, reload }: Reloadable) => {
    try {
      await reload();
      faults.delete(name);
    } catch (error) {
      const warning = `${name} could not be reloaded, what was in force stays: ${explain(error)}`;
      faults.set(name, warning);
      log.error({ err: error }, warning);
    }
  };
  // Of two signals at once, the second sees what changed since the first began.
  const mutex = defineMutex();
  return {
    reload: () =>
      mutex(async () => {
        for (const part of parts) await attempt(part);
        log.info({ failed: [...faults.keys()] }, 'reloaded');
      }),
    warnings: () => [...faults.values()],
  };
}
