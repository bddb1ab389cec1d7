import { defineMutex } from '../../core/waiting/concurrency.ts';
import type { Log, RunCommand } from '../../core/ports.ts';

/** Reports the state of the daemon to systemd (sd_notify(3)). */
export interface Notifier {
  /** Resolves when systemd was notified. */
  readonly notify: (state: 'READY=1' | 'RELOADING=1' | 'STOPPING=1') => Promise<void>;
  readonly stop: () => void;
}

const path = '/usr/local/bin:/usr/bin:/bin';

/**
 * Uses systemd-notify(1), because Node has no Unix datagram sockets; so the unit needs NotifyAccess=all. Silent if
 * systemd asks for nothing (no NOTIFY_SOCKET). With WATCHDOG_USEC, the daemon reports that it is alive at half of that
 * time: from its event loop, so that one that hangs is silent.
 * @param env of the process, as systemd set it
 */
export function startNotifier(env: Readonly<NodeJS.ProcessEnv>, pid: number, run: RunCommand, log: Log): Notifier {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = env;
  if (socket === '') return { notify: async () => {}, stop: () => {} };
  // One after the other: READY must not come after STOPPING.
  const mutex = defineMutex();
  const send = (state: string): Promise<void> =>
    mutex(async () => {
      const { code, stderr } = await run(['systemd-notify', state], {
        timeout: 10_000,
        env: { PATH: path, NOTIFY_SOCKET: socket },
      });
      if (code !== 0) log.warn({ state, said: stderr.trim() }, 'systemd could not be notified');
    });
  const interval = watched === undefined || Number(watched) === pid ? Number(watchdog ?? 0) / 1000 / 2 : 0;
  const timer = interval >= 1 ? setInterval(() => void send('WATCHDOG=1'), interval) : undefined;
  timer?.unref();
  return { notify: send, stop: () => clearInterval(timer) };
}
