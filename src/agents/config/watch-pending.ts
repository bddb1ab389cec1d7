import { explain } from '../../core/errors.ts';
import { readPending } from '../../core/node-files/pending.ts';
import type { Log } from '../../core/ports.ts';
import { callHelper, type HelperLocation } from './call-helper.ts';

/** Milliseconds after the deadline: by then the helper of the change has reverted it, unless it was killed. */
const grace = 1500;

/** Reverts a change that nobody confirmed, if the helper that made it is gone. */
export function watchPending(location: () => Promise<HelperLocation>, log: Log) {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const fail = (error: unknown) => log.error({ err: error }, `a change cannot be undone: ${explain(error)}`);
  const check = async () => {
    const at = await location();
    const pending = await readPending(at.directory);
    if (pending === undefined) return;
    const takeBack = async () => {
      if ((await readPending(at.directory))?.change === pending.change) await callHelper({ type: 'return' }, at);
    };
    clearTimeout(timer);
    if (isStopped) return;
    timer = setTimeout(() => void takeBack().catch(fail), Math.max(0, pending.until - Date.now()) + grace);
    timer.unref();
  };
  const stop = () => {
    isStopped = true;
    clearTimeout(timer);
  };
  return { check: () => void check().catch(fail), stop };
}
