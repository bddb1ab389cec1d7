import { Problem } from '../../../core/errors.ts';
import { suggest } from '../../../core/text.ts';
import type { Locate } from '../model.ts';

/** All faults of a fleet.yaml, so that they are reported at once. */
export interface Faults {
  /** @param key whether the fault is in the key, not in its value */
  readonly add: (path: readonly string[], message: string, key?: boolean) => void;
  /** Adds a fault if a name is unknown. @param what for a person: “role” */
  readonly requireKnown: (path: readonly string[], what: string, name: string, known: Iterable<string>) => boolean;
  /** @throws Problem `bad-configuration` when there is any */
  readonly throwAny: () => void;
}

const mostShown = 10;

export function collectFaults(locate: Locate): Faults {
  const lines: string[] = [];
  const add: Faults['add'] = (path, message, key = false) => void lines.push(`${locate(path, key)}: ${message}`);
  return {
    add,
    requireKnown: (path, what, name, known) => {
      const names = [...known];
      if (names.includes(name)) return true;
      add(path, `there is no ${what} “${name.slice(0, 80)}”: ${suggest(name, names)}`);
      return false;
    },
    throwAny: () => {
      if (lines.length === 0) return;
      const more = lines.length > mostShown ? [`and ${lines.length - mostShown} more`] : [];
      throw new Problem('bad-configuration', [...lines.slice(0, mostShown), ...more].join('\n'));
    },
  };
}
