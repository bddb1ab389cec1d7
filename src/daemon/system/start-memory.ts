import { setTimeout } from 'node:timers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Milliseconds after which what the start left behind is garbage: calls that came at once have ended. */
const settled = 5000;

/**
 * Gives back, once, what only the start needed: a quarter of the heap of a daemon that nobody calls. V8 would keep it until memory is
 * short. V8 drops the compiled code of functions that did not run since three collections ago: together that takes about 150 ms.
 */
export function releaseStartMemory(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: { type: string; flavor: string }) => void;
    setFlagsFromString('--no-expose-gc');
    for (let round = 0; round < 3; round++) collect({ type: 'major', flavor: 'last-resort' });
  }, settled).unref();
}
