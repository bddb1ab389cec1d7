import { pause } from '../runtime/mutex.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { type BackendView, readViews } from './backend.ts';
import { findDoubt } from './capacity.ts';

/**
 * How often to read again, and milliseconds between: the two answers of HAProxy in a view come from different moments.
 */
const tries = 4;
const between = 40;

/**
 * Reads the backends for a change of some of them: every state must be known, and HAProxy's own count of usable servers
 * must agree with the count here.
 * @param ofInterest the views that the change concerns
 * @throws Problem `haproxy-unknown-state`, `haproxy-disagrees`, or as {@link readViews}
 */
export async function readAgreedViews<T extends { readonly views: readonly BackendView[] }>(
  runtimes: readonly Runtime[],
  ofInterest: (views: readonly BackendView[]) => T,
  signal: AbortSignal,
): Promise<T> {
  for (let number = 1; ; number++) {
    const found = ofInterest(await readViews(runtimes, signal));
    const doubt = findDoubt(found.views);
    if (doubt === undefined) return found;
    if (number === tries) throw doubt;
    await pause(between, signal);
  }
}
