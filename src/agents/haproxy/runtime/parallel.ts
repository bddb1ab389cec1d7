import { mapLimited } from '../../../core/waiting/concurrency.ts';

/** HAProxy's “stats maxconn” is 10 by default: leave room for others. */
const connections = 4;

/** Does something for each item, a few at a time: see {@link mapLimited}. */
export async function forEach<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  await mapLimited(items, connections, act);
}
