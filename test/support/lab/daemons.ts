import { execOnHost } from './network/enter.ts';
import { hostOf } from './find.ts';
import { type LogLine, logOf, waitForLine } from './log.ts';
import type { LabState } from './state.ts';

/** The daemon of one host. */
export interface LabDaemon {
  /** SIGKILL: nothing is said goodbye. */
  readonly kill: () => Promise<void>;
  /** SIGTERM; gives the exit code. */
  readonly stop: () => Promise<number>;
  /** Resolves when it listens; its announcement takes a little longer. @throws Error with what it logged when it ends instead */
  readonly start: () => Promise<void>;
  /** SIGHUP; resolves when it has reloaded. */
  readonly reload: () => Promise<void>;
  /** Its log so far. */
  readonly log: () => Promise<LogLine[]>;
}

export function daemonOn(lab: LabState, name: string): LabDaemon {
  const { name: host } = hostOf(lab, name);
  const log = logOf(lab, host, 'var/log/mco-deploy/daemon.log');
  const shell = async (command: string) => {
    const { code, stderr } = await execOnHost(lab, host, ['sh', '-c', command]);
    if (code !== 0) throw new Error(`${command} on ${host}: ${stderr}`);
  };
  const signal = async (signal: string, message: string) => {
    const from = log.size();
    await shell(`kill -${signal} "$(cat /run/mco-deploy.pid)"`);
    return waitForLine(log, from, message);
  };
  return {
    kill: async () => {
      await signal('KILL', 'exited');
    },
    stop: async () => Number((await signal('TERM', 'exited')).code),
    start: async () => {
      const from = log.size();
      await shell('setsid --fork lab-daemon </dev/null >/dev/null 2>&1');
      await waitForLine(log, from, 'listening');
    },
    reload: async () => {
      await signal('HUP', 'reloaded');
    },
    log: () => log.lines(0),
  };
}
