import { defineMutex, type Limit } from '../../core/waiting/concurrency.ts';
import { Problem } from '../../core/errors.ts';
import type { NodeView } from '../../core/ports.ts';
import { suggest } from '../../core/text.ts';
import type { PublishConfig } from './config.ts';
import type { Store } from './store/store.ts';
import type { Tickets } from './transfer/tickets.ts';

/** What the actions of one node work with. */
export interface PublishParts {
  readonly config: PublishConfig;
  readonly node: NodeView;
  readonly store: Store;
  readonly tickets: Tickets;
  readonly isTaken: (application: string, caller: string) => boolean;
  /** @throws Problem `unknown-application`, `policy-denied` */
  readonly assertTaken: (application: string, caller: string) => void;
  /** One piece of work at a time on each artifact. */
  readonly exclusive: <T>(sha256: string, work: () => Promise<T>) => Promise<T>;
  /** One change at a time of what is published. */
  readonly change: Limit;
  readonly now: () => number;
}

export function definePublishParts(
  config: PublishConfig,
  node: NodeView,
  store: Store,
  tickets: Tickets,
  now: () => number,
): PublishParts {
  const settingsOf = (application: string) =>
    Object.hasOwn(config.applications, application) ? config.applications[application] : undefined;
  const isTaken = (application: string, caller: string) => {
    const settings = settingsOf(application);
    return settings !== undefined && (settings.publishers?.includes(caller) ?? true);
  };
  const assertTaken = (application: string, caller: string) => {
    if (isTaken(application, caller)) return;
    if (settingsOf(application) === undefined) {
      const hint = suggest(application, Object.keys(config.applications));
      throw new Problem('unknown-application', `${node.identity} does not take the application “${application}”`, hint);
    }
    const hint = 'see “publishers” under “publish” in node.yaml';
    throw new Problem('policy-denied', `${caller} may not publish ${application} on ${node.identity}`, hint);
  };
  return { config, node, store, tickets, isTaken, assertTaken, exclusive: startAlone(), change: defineMutex(), now };
}

function startAlone(): PublishParts['exclusive'] {
  const locks = new Map<string, { readonly lock: Limit; users: number }>();
  return async (sha256, work) => {
    const one = locks.get(sha256) ?? { lock: defineMutex(), users: 0 };
    locks.set(sha256, one);
    one.users++;
    try {
      return await one.lock(work);
    } finally {
      one.users--;
      if (one.users === 0) locks.delete(sha256);
    }
  };
}
