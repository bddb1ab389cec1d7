import { explain } from '../../core/errors.ts';
import { readPending } from '../../core/node-files/pending.ts';
import type { Log } from '../../core/ports.ts';
import { callHelper, type HelperLocation } from './call-helper.ts';

/** Milliseconds past the end of its time: by then the helper that made the change has taken it back, unless it was killed. */
const grace = 1500;

/** Has a change taken back that nobody confirmed, should the helper that made it be gone. */
export function watchPending(location: () => Promise<HelperLocation>, log: Log) {
  let timer: NodeJS.Timeout | undefined;
  const fail = (error: unknown) => log.error({ err: error }, `a change cannot be undone: ${explain(error)}`);
  const check = async () => {
    const at = await location();
    const pending = await readPending(at.directory);
    if (pending === undefined) return;
    const takeBack = async () => {
      if ((await readPending(at.directory))?.change === pending.change) await callHelper({ type: 'return' }, at);
    };
    clearTimeout(timer);
    timer = setTimeout(() => void takeBack().catch(fail), Math.max(0, pending.until - Date.now()) + grace);
    timer.unref();
  };
  return { check: () => void check().catch(fail), stop: () => clearTimeout(timer) };
}
