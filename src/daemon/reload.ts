import { defineMutex } from '../core/concurrency.ts';
import { explain } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';

/** Something that can be read again while the daemon runs. When it fails, what was in force stays in force. */
export interface Reloadable {
  /** For a person: what is read again. */
  readonly name: string;
  readonly reload: () => Promise<void>;
}

export interface Reloading {
  /** Reads everything again, one part after the other. A part that fails is reported and keeps no other from its turn. */
  readonly reload: () => Promise<void>;
  /** What could not be read again, until it can. */
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
  // Two signals at once: the second sees what changed since the first began.
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
