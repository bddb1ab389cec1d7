import { type ChildProcessWithoutNullStreams, type SpawnOptions, spawn } from 'node:child_process';
import { errnoOf } from '../errors.ts';

/** As spawn of Node.js, with a pipe or nothing for standard input and pipes for the output. */
export interface StartOptions extends Pick<SpawnOptions, 'cwd' | 'env'> {
  readonly stdio: readonly ['pipe' | 'ignore', 'pipe', 'pipe' | 'ignore'];
}

/** A program that runs, or why it could not be started. */
export type Started = ChildProcessWithoutNullStreams | NodeJS.ErrnoException;

/**
 * Starts a program without a shell, in its own session. Node.js reports some failures as an event, which ends a program
 * that has no listener yet, and throws others; without free descriptors it makes a child that has no streams.
 */
export function startProgram(file: string, argv: readonly string[], { stdio, ...options }: StartOptions): Started {
  try {
    const child = spawn(file, argv, { ...options, stdio: [...stdio], detached: true, shell: false });
    if (child.stdout !== undefined) return child as ChildProcessWithoutNullStreams;
    (child as ChildProcessWithoutNullStreams).on('error', () => {});
    return Object.assign(new Error('no descriptor is left'), { code: 'EMFILE', syscall: 'spawn' });
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** Whether it is the host that can start nothing now, whatever the program is. */
export function isOutOfResources(error: unknown): boolean {
  return ['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'].includes(errnoOf(error));
}
