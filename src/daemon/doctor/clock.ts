import { listAuditFiles } from '../../core/audit/files.ts';
import { doubtful, type Finding, fine } from '../../core/finding.ts';
import type { RunCommand } from '../../core/ports.ts';
import { readRecent } from '../audit/files/tail.ts';

/** Whether the clock is synchronised, and has not gone back since the last audit record. */
export async function checkClock(auditFile: string, run: RunCommand, signal: AbortSignal): Promise<readonly Finding[]> {
  const last = await lastRecordTime(auditFile);
  const now = Date.now();
  if (last !== undefined && last > now + 1000) {
    const what = `it is ${new Date(now).toISOString()}, and the last audit record is of ${new Date(last).toISOString()}`;
    return [doubtful('clock', what, 'set the clock: requests that are 10 s off are refused')];
  }
  const { code, stdout } = await run(['timedatectl', 'show', '--property=NTPSynchronized', '--value'], {
    timeout: 5000,
    signal,
  });
  const time = new Date(now).toISOString();
  if (code !== 0) return [fine('clock', `${time}; what synchronizes it is not known`)];
  if (stdout.trim() === 'yes') return [fine('clock', `${time}, synchronized by NTP`)];
  return [doubtful('clock', `${time}, and nothing synchronizes it`, 'timedatectl set-ntp true')];
}

async function lastRecordTime(auditFile: string): Promise<number | undefined> {
  try {
    const { records } = await readRecent(await listAuditFiles(auditFile), 0, 256 * 1024);
    const last = records.at(-1);
    return last === undefined ? undefined : Date.parse(last.time);
  } catch {
    // “audit verify” reports what is wrong with the log.
    return undefined;
  }
}
