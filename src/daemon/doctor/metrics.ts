import { explainErrno } from '../../core/errors.ts';
import { readRegular } from '../../core/files/read-input.ts';
import { broken, type Finding } from '../../core/finding.ts';
import type { NodeConfig } from '../config/config.ts';

/** The token is read at each request: without its file every request is refused, and nothing else says why. */
export async function checkMetrics({ metrics }: Pick<NodeConfig, 'metrics'>): Promise<readonly Finding[]> {
  const file = metrics?.token_file;
  if (file === undefined) return [];
  const fix = 'put the token into it, and let the daemon’s user read it';
  try {
    if (String(await readRegular(file)).trim() !== '') return [];
    return [broken('metrics', `the token file ${file} is empty: every request is refused`, fix)];
  } catch (error) {
    return [broken('metrics', `the token file ${file} cannot be read: ${explainErrno(error)}`, fix)];
  }
}
