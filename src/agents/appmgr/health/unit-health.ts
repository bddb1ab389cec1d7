import { readUnitProperties, wasKeptByCondition } from '../../../core/host/unit-properties.ts';
import type { RunCommand } from '../../../core/ports.ts';
import { path } from '../activate/command.ts';
import type { Health } from './found.ts';

/**
 * Whether systemd keeps a unit active: the health of a service without its own check. A command that starts it
 * may end well before the service falls over.
 * @param timeout milliseconds
 */
export async function lookAtUnit(unit: string, run: RunCommand, timeout: number, signal: AbortSignal): Promise<Health> {
  const properties =
    '--property=ActiveState,SubState,Result,Type,InvocationID,ConditionResult,ConditionTimestampMonotonic';
  const env = { PATH: path, LC_ALL: 'C' };
  const { code, stdout } = await run(['systemctl', 'show', properties, '--', unit], { timeout, signal, env });
  const value = readUnitProperties(stdout);
  const state = value('ActiveState');
  if (code !== 0 || state === '') return { healthy: false, words: `no state of ${unit}` };
  const result = value('Result');
  const why = ['', 'success'].includes(result) ? '' : `, result ${result}`;
  if (state === 'inactive' && wasKeptByCondition(value))
    return { healthy: false, words: `${unit} inactive: a condition of its file keeps it from starting`, isFinal: true };
  // A program that ends when it has done its work is not active afterwards.
  const isDone = value('Type') === 'oneshot' && state === 'inactive' && result === 'success';
  const healthy = state === 'active' || isDone;
  const words = `${unit} ${state} (${value('SubState')}${why})`;
  return { healthy, words, start: value('InvocationID'), isFinal: state === 'failed' };
}
