import { Problem } from '../../../core/errors.ts';
import { readInfo } from './process.ts';
import { firstLine, type Runtime } from './runtime.ts';

/** The commands that change something, without their arguments. */
export const runtimeCommands = ['set server', 'shutdown sessions server', 'disable agent', 'enable agent'] as const;

export type RuntimeCommand = (typeof runtimeCommands)[number];

/**
 * Checks, before any change, that every process allows changes and has the needed commands.
 * @throws Problem `haproxy-not-admin`, `haproxy-lacks`
 */
export async function requireCommands(
  runtimes: readonly Runtime[],
  commands: readonly RuntimeCommand[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(runtimes.map((runtime) => requireOf(runtime, commands, signal)));
}

async function requireOf(runtime: Runtime, commands: readonly RuntimeCommand[], signal: AbortSignal): Promise<void> {
  await requireAdmin(runtime, signal);
  const known = await runtime.ask('help', signal);
  for (const command of commands) {
    if (hasCommand(known, command)) continue;
    const { version } = await readInfo(runtime, signal);
    const hint = 'use a HAProxy that has it: 2.2 and later do';
    throw new Problem('haproxy-lacks', `HAProxy ${version} at ${runtime.name} has no command “${command}”`, hint);
  }
}

async function requireAdmin(runtime: Runtime, signal: AbortSignal): Promise<void> {
  const level = firstLine(await runtime.ask('show cli level', signal));
  if (level === 'admin') return;
  const hint = 'give this “stats socket” the option “level admin”';
  throw new Problem('haproxy-not-admin', `HAProxy at ${runtime.name} allows only the level “${level}”`, hint);
}

/**
 * Whether “help” lists a command: `  COMMAND ARGUMENTS : what it does`. (Before 2.4 “help” itself is answered by a
 * complaint, and the same lines.)
 */
export function hasCommand(help: string, command: string): boolean {
  return help.split('\n').some((line) => line.trimStart().startsWith(`${command} `));
}
