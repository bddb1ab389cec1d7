import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, explainErrno } from '../../core/errors.ts';
import { broken, doubtful, type Finding, fine } from '../../core/finding.ts';
import type { NodeConfig } from '../config/config.ts';

/** Bytes below which a person should act, and below which changes will be refused soon. */
const bounds = { low: 200 * 1024 * 1024, out: 8 * 1024 * 1024 };

/** Whether the audit log and the state can be written, and for how long. */
export async function checkDisk({ audit, state }: NodeConfig): Promise<readonly Finding[]> {
  const directories = [
    { check: 'audit log', directory: dirname(audit.file) },
    { check: 'state', directory: state },
  ];
  return Promise.all(directories.map(({ check, directory }) => checkDirectory(check, directory)));
}

async function checkDirectory(check: string, directory: string): Promise<Finding> {
  try {
    const { bavail, bsize } = await statfs(directory);
    // With the slash, a file with that name is an error.
    await access(`${directory}/`, constants.W_OK);
    const free = bavail * bsize;
    const what = `${Math.round(free / 1024 / 1024)} MiB are free in ${directory}`;
    const fix = 'free some space: a change that cannot be recorded is refused';
    if (free < bounds.out) return broken(check, what, fix);
    return free < bounds.low ? doubtful(check, what, fix) : fine(check, what);
  } catch (error) {
    const missing = errnoOf(error) === 'ENOENT';
    if (missing) return doubtful(check, `${directory} is not there yet`, 'the daemon creates it when it starts');
    return broken(check, `${directory} cannot be written: ${explainErrno(error)}`, 'let the daemon’s user write there');
  }
}
