import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pendingFile } from '../core/node-files/pending.ts';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
import { runCommand } from './exec/run-command.ts';
import { startNotifier } from './system/notify.ts';
import { releaseStartMemory } from './system/start-memory.ts';

/** Milliseconds for a shutdown, whatever hangs: less than the unit's TimeoutStopSec. */
const patience = 30_000;
/** Milliseconds for a start to come to its end when the daemon is to end already. */
const startPatience = 2000;

/**
 * Starts a node and runs it until SIGTERM or SIGINT; SIGHUP reloads. It handles signals from the first moment on, and
 * reports each state to a service manager that asks for it.
 */
export async function serveUntilSignalled(options: DaemonOptions): Promise<void> {
  const ended = Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  let reload: (() => Promise<void>) | undefined;
  let missed = false;
  let onFault = (_error: unknown) => {};
  process.on('SIGHUP', () => {
    if (reload === undefined) missed = true;
    else reload().catch((error: unknown) => onFault(error));
  });
  const daemon = await startUnlessEnded(options, ended);
  if (daemon === undefined) return;
  onFault = (error) => daemon.log.error({ err: error }, 'an unexpected failure; the node continues to serve');
  // One failure must not end the calls of others.
  process.on('unhandledRejection', onFault);
  const notifier = startNotifier(process.env, process.pid, runCommand, daemon.log);
  reload = async () => {
    await notifier.notify('RELOADING=1');
    await daemon.reload();
    await notifier.notify('READY=1');
  };
  await notifier.notify('READY=1');
  releaseStartMemory();
  if (missed) await reload().catch(onFault);
  await ended;
  notifier.stop();
  // Not awaited: a service manager that hangs must not keep the node from stopping.
  notifier.notify('STOPPING=1').catch(onFault);
  const timeUp = sleep(patience, 'late' as const, { ref: false });
  const outcome = await Promise.race([daemon.stop().catch(onFault), timeUp]);
  if (outcome === 'late')
    daemon.log.error({}, `not everything has ended within ${patience / 1000} s: the daemon ends anyway`);
}

/** Undefined if it is to end, and its start hangs: a start is cut off anywhere without harm, as by a power cut. */
async function startUnlessEnded(options: DaemonOptions, ended: Promise<unknown>): Promise<Daemon | undefined> {
  const starting = returnAtStart(options.configFile).then(() => startDaemon(options));
  const late = ended.then(() => sleep(startPatience, undefined, { ref: false }));
  return await Promise.race([starting, late]);
}

/**
 * Reverts a changed configuration that was cut off, or that nobody confirmed, before it is read. Only root may do that;
 * for other users, the helper's unit does it.
 */
async function returnAtStart(configFile: string): Promise<void> {
  const directory = dirname(resolve(configFile));
  if (process.getuid?.() !== 0 || !existsSync(pendingFile(directory))) return;
  const { revertIfDue } = await import('./config-helper/revert.ts');
  await revertIfDue(directory, false);
}
