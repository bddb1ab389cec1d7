import { setTimeout } from 'node:timers';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Milliseconds after which what the start left behind is garbage: calls that came at once have ended. */
const settled = 5000;

/**
 * Gives back, once, what only the start needed: a quarter of the heap of a daemon that nobody calls. V8 would keep it until memory is
 * short. Takes about 30 ms.
 */
export function releaseStartMemory(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: { type: string; flavor: string }) => void;
    setFlagsFromString('--no-expose-gc');
    collect({ type: 'major', flavor: 'last-resort' });
  }, settled).unref();
}
