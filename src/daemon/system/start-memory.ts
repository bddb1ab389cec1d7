import { setTimeout } from 'node:timers';
import { findCollector } from '../../core/collect-garbage.ts';

/** Milliseconds after which the leftovers of the start are garbage: early calls have ended. */
const settled = 5000;

/**
 * Releases, once, the memory that only the start needed: a quarter of the heap of an idle daemon. V8 would keep it
 * until memory is short. V8 drops the compiled code of functions that did not run in the last three collections:
 * together that takes about 150 ms.
 */
export function releaseStartMemory(): void {
  setTimeout(() => {
    const collect = findCollector();
    for (let round = 0; round < 3; round++) collect({ type: 'major', flavor: 'last-resort' });
  }, settled).unref();
}
