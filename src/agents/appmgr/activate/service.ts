import type { ProblemCode } from '../../../core/problems/index.ts';
import { open } from 'node:fs/promises';
import { kill } from 'node:process';
import { errnoOf, explainErrno, Problem } from '../../../core/errors.ts';
import type { ApplicationConfig } from '../config.ts';

/** How a service loads a release, or restarts: by a command, or by a signal to its process. */
export type ServiceAction =
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals; readonly pidFile: string };

/** Undefined if nothing is configured: then the service notices the new release by itself. */
export function reloadOf({ reload, service }: ApplicationConfig): ServiceAction | undefined {
  if (reload !== undefined) return { kind: 'command', argv: reload };
  if (service?.unit !== undefined) return systemctl(service.action, service.unit);
  if (service?.pid_file !== undefined)
    return { kind: 'signal', signal: `SIG${service.signal}`, pidFile: service.pid_file };
  return undefined;
}

/** The restart command, else the reload command. */
export function restartOf(application: ApplicationConfig): ServiceAction | undefined {
  if (application.restart !== undefined) return { kind: 'command', argv: application.restart };
  const { reload, service } = application;
  if (reload === undefined && service?.unit !== undefined) return systemctl('restart', service.unit);
  return reloadOf(application);
}

function systemctl(action: string, unit: string): ServiceAction {
  return { kind: 'command', argv: ['systemctl', action, '--', unit] };
}

/** Signals the process whose id is in a file. @throws Problem with that code */
export async function sendSignal(
  { signal, pidFile }: ServiceAction & { kind: 'signal' },
  code: ProblemCode,
): Promise<void> {
  const pid = await readPid(pidFile, code);
  try {
    kill(pid, signal);
  } catch (cause) {
    const why = errnoOf(cause) === 'ESRCH' ? 'there is no such process' : explainErrno(cause);
    const what = `process ${pid} of ${pidFile} cannot be sent ${signal}: ${why}`;
    throw new Problem(code, what, 'see whether the service runs', { cause });
  }
}

async function readPid(file: string, code: ProblemCode): Promise<number> {
  try {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      const text = buffer.toString('latin1', 0, bytesRead).trim();
      // Neither 1 nor the values by which kill(2) means a group or everybody.
      if (/^[1-9][0-9]{0,9}$/.test(text) && text !== '1') return Number(text);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new Problem(code, `${file} cannot be read: ${explainErrno(cause)}`, 'see whether the service runs', {
      cause,
    });
  }
  throw new Problem(code, `${file} does not hold a process id`);
}
