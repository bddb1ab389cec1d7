import { Problem } from '../../core/errors.ts';
import type { CommandResult, RunCommand } from '../../core/ports.ts';
import { printableLine } from '../../core/text.ts';
import type { PackageConfig } from './config.ts';

export interface RunnerOptions {
  readonly signal: AbortSignal;
  /** As root. */
  readonly change?: boolean;
  /** Exit codes besides 0 that are valid answers. */
  readonly answers?: readonly number[];
  readonly onOutput?: (line: string) => void;
}

/** Runs a package manager's program. @throws Problem `package-failed`, `package-busy`, `cancelled` */
export type Runner = (argv: readonly [string, ...string[]], options: RunnerOptions) => Promise<CommandResult>;

/** Milliseconds: longer than any action, whose signal ends it first. */
const timeout = 1_800_000;
const outputLimit = 4 * 1024 * 1024;

export function defineRunner({ sudo }: PackageConfig, run: RunCommand): Runner {
  const env = {
    PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
    LC_ALL: 'C',
    HOME: '/root',
    DEBIAN_FRONTEND: 'noninteractive',
    // needrestart would ask, or restart services by itself: the playbook decides that.
    NEEDRESTART_SUSPEND: '1',
  };
  return async (argv, { signal, change = false, answers = [], onOutput }) => {
    const whole: [string, ...string[]] = change && sudo ? ['sudo', '-n', ...argv] : [...argv];
    const result = await run(whole, { env, timeout, signal, limit: outputLimit, ...(onOutput ? { onOutput } : {}) });
    if (result.code !== 0 && !answers.includes(result.code ?? -1)) throw failed(argv, result);
    return result;
  };
}

function failed(argv: readonly string[], { stderr, stdout, ended, code, signal }: CommandResult): Problem {
  const command = `${argv[0]} ${argv.find((word, index) => index > 0 && !word.startsWith('-')) ?? ''}`.trim();
  if (ended === 'cancelled') return new Problem('cancelled', `${command} was cancelled`);
  const lines = `${stderr}\n${stdout}`.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((one) => /^(E:|Error:|error:|dpkg: error|sudo:)/.test(one)) ?? lines[0] ?? '';
  const why = line === '' ? (ended ?? signal ?? `exit code ${code}`) : printableLine(line).slice(0, 300);
  if (/could not get lock|unable to (acquire|lock)|waiting for process/i.test(stderr)) {
    return new Problem(
      'package-busy',
      `${command}: another program holds the lock: ${why}`,
      'try again when it has ended',
    );
  }
  const denied = /a password is required|permission denied|are you root|superuser/i.test(`${stderr}${stdout}`);
  const hint = denied
    ? 'the daemon needs root for this, or a sudoers rule and agents.package.sudo: docs/services.md'
    : '';
  return new Problem('package-failed', `${command} failed: ${why}`, hint);
}
