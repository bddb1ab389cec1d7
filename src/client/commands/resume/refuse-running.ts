import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../../../core/errors.ts';
import { isRunning, markProcess } from '../../../core/files/process-mark.ts';
import { awaitLapse, readLease } from '../../runs/fleet/await-lapse.ts';
import type { JournalLookup } from '../../runs/fleet/fetch-run.ts';
import { type FoundRun, operatorsOf } from '../../runs/fleet/find-run.ts';
import { findJournalNodes } from '../../runs/fleet/read-copies.ts';

/**
 * A process on this host that still runs it excludes others. A run elsewhere is known by its lease, if nodes store the
 * journal; otherwise it is unknown.
 * @param force treat it as gone if that is unknown
 * @param isSettled true once this process has written its own line: those after it came later
 * @returns whether it had to wait for the end of a lease: the journal may have grown until then
 * @throws Problem `run-in-progress`
 */
export async function refuseRunning(
  { run, entries, stored }: Pick<FoundRun, 'run' | 'entries' | 'stored'>,
  look: JournalLookup,
  { force, isSettled = false }: { readonly force: boolean; readonly isSettled?: boolean },
): Promise<boolean> {
  const self = await markProcess();
  let elsewhere: string | undefined;
  for (const entry of entries) {
    if (entry.type !== 'process') continue;
    const { host, boot, pid, start } = entry;
    const isSelf = host === self.host && boot === self.boot && pid === self.pid && start === self.start;
    if (isSelf && isSettled) return false;
    if (isSelf) continue;
    const running = await isRunning(entry);
    const what = `process ${pid} on ${host}`;
    if (running === 'yes') {
      throw new Problem('run-in-progress', `${what} is still running this run`, 'wait for it, or stop it');
    }
    elsewhere = running === 'unknown' ? what : undefined;
    if (running === 'no' || force || stored !== undefined) continue;
    const hint = 'if it no longer runs, add --force';
    throw new Problem('run-in-progress', `${what} may still be running this run: this host cannot check it`, hint);
  }
  const { name } = look.session.caller.credentials.identity;
  const isOwn = operatorsOf(entries).every((operator) => operator === name);
  if (stored === undefined || (isOwn && (elsewhere === undefined || force))) return false;
  const nodes = await findJournalNodes(look.session, look.options, stored.stored.holders);
  const { signal, err } = look.context;
  return await awaitLapse({
    read: () => readLease(run, nodes, look),
    report: err,
    sleep: async (milliseconds) => {
      await sleep(milliseconds, undefined, { signal }).catch(() => {});
    },
    clock: () => performance.now(),
    signal,
  });
}
