import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { enterHost, hostEnvironment } from './enter.ts';
import type { LabState } from '../state.ts';

/** Runs argv on a host with this process's own streams, and ends as it ended: same bytes, same exit code. */
export async function passThrough(lab: LabState, host: string, argv: readonly string[], home: string): Promise<void> {
  const [file, ...rest] = enterHost(lab, host, argv);
  const child = spawn(file, rest, { stdio: 'inherit', env: hostEnvironment(home) });
  // A terminal sends Ctrl-C to both: what runs on the host decides what it means.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => child.kill(name));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
