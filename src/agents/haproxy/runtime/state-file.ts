import { readFile } from 'node:fs/promises';
import { readConfiguration } from './configuration.ts';

/**
 * Whether a HAProxy process is configured to load its servers' states from a file at its start (configuration manual,
 * “load-server-state-from-file”). The runtime API does not report that, so its command line and configuration files are
 * read.
 * @param pid from “show info”
 */
export async function restoresState(pid: number): Promise<'yes' | 'no' | 'unknown'> {
  try {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    return isRestoring(await readConfiguration(pid, argv)) ? 'yes' : 'no';
  } catch {
    return 'unknown';
  }
}

/** Both settings are needed: where the state is, and that it is loaded; `none` in a single backend is ignored. */
export function isRestoring(configuration: string): boolean {
  const lines = configuration.split('\n').map((line) => line.trim().split(/\s+/));
  const has = (keyword: string, values: readonly string[] | undefined) =>
    lines.some(([word, value = '']) => word === keyword && (values?.includes(value) ?? value !== ''));
  const global = has('server-state-file', undefined) && has('load-server-state-from-file', ['global']);
  return global || has('load-server-state-from-file', ['local']);
}
