import { Problem } from '../../../core/errors.ts';
import type { Runtime } from './runtime.ts';

/** A HAProxy process, as it describes itself. */
export interface HaproxyInfo {
  readonly version: string;
  readonly pid: number;
  /** Seconds. */
  readonly uptime: number;
  /** Its start, in seconds since the epoch; undefined if HAProxy (before 2.4) does not report it. */
  readonly started: number | undefined;
  /** Which of several processes (`nbproc`, up to 2.4) it is; left out if it is the only one. */
  readonly share?: { readonly number: number; readonly of: number };
}

/** The HAProxy processes behind sockets, by socket. */
export type Processes = Readonly<Record<string, HaproxyInfo>>;

export function pidsOf(processes: Processes): number[] {
  return Object.values(processes).map(({ pid }) => pid);
}

/** Asks a process for its identity. @throws Problem `haproxy-answer`, and as {@link Runtime.ask} does */
export async function readInfo(runtime: Runtime, signal: AbortSignal): Promise<HaproxyInfo> {
  return parseInfo(await runtime.ask('show info', signal), runtime.name);
}

/** The processes behind several sockets, by socket. */
export async function readInfos(runtimes: readonly Runtime[], signal: AbortSignal): Promise<Processes> {
  const read = await Promise.all(
    runtimes.map(async (runtime) => [runtime.name, await readInfo(runtime, signal)] as const),
  );
  return Object.fromEntries(read);
}

/** Parses the answer to “show info” (management guide, 9.3): `Name: value`, one a line. @throws Problem `haproxy-answer` */
export function parseInfo(answer: string, shown: string): HaproxyInfo {
  const fields = new Map(
    answer.split('\n').map((line) => {
      const colon = line.indexOf(': ');
      return colon === -1 ? ([line, ''] as const) : ([line.slice(0, colon), line.slice(colon + 2).trim()] as const);
    }),
  );
  const [pid, uptime, started] = ['Pid', 'Uptime_sec', 'Start_time_sec'].map((name) => numberOf(fields.get(name)));
  if (pid === undefined || uptime === undefined) {
    throw new Problem('haproxy-answer', `HAProxy at ${shown} answered “show info” in an unknown form`);
  }
  const [of = 1, number = 1] = ['Nbproc', 'Process_num'].map((name) => numberOf(fields.get(name)));
  return { version: fields.get('Version') ?? '', pid, uptime, started, ...(of > 1 ? { share: { number, of } } : {}) };
}

/**
 * Whether another process answers now, which has forgotten all earlier commands. A process id alone is not enough: in a
 * container it is the same after each restart.
 */
export function isAnother(known: HaproxyInfo, now: HaproxyInfo): boolean {
  return known.pid !== now.pid || known.started !== now.started || now.uptime < known.uptime;
}

/** The sockets behind which another process answers than before. */
export function findReplaced(known: Processes, now: Processes): string[] {
  return Object.entries(now).flatMap(([name, info]) => (isAnother(known[name] ?? info, info) ? [name] : []));
}

function numberOf(text = ''): number | undefined {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}
