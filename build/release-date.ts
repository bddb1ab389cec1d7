import { execFileSync } from 'node:child_process';
import { repository } from './bundle/bundle.ts';

/** Seconds since the epoch that stand for “now” in what is built, so that it can be built again: the commit's time. */
export function releaseDate(): number {
  const given = process.env.SOURCE_DATE_EPOCH;
  if (given !== undefined) return Number(given);
  try {
    const log = execFileSync('git', ['log', '-1', '--format=%ct'], {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number(log.toString());
  } catch {
    return 0;
  }
}
