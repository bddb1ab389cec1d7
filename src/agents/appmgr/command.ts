import { Problem } from '../../core/errors.ts';
import type { CommandResult, RunCommand } from '../../core/ports.ts';
import type { Argv } from './config.ts';
import { firstLine } from './health.ts';

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a command of the configuration is told about the upgrade it is part of. */
export interface CommandOrder {
  readonly what: string;
  readonly code: string;
  readonly argv: readonly string[];
  /** Seconds. */
  readonly timeout: number;
  readonly cwd: string;
  readonly application: string;
  readonly revision: string;
  readonly previous: string;
}

/** Runs a reload or a hook. @throws Problem of the order's code, with the command's last words */
export async function runOrder(run: RunCommand, order: CommandOrder, signal: AbortSignal): Promise<void> {
  const result = await run([...order.argv] as Argv, {
    timeout: order.timeout * 1000,
    signal,
    cwd: order.cwd,
    limit: 16 * 1024,
    env: {
      PATH: path,
      MCO_APPLICATION: order.application,
      MCO_REVISION: order.revision,
      MCO_PREVIOUS: order.previous,
    },
  });
  if (result.code === 0) return;
  throw new Problem(order.code, `${order.what} (${order.argv.join(' ').slice(0, 200)}) ${reasonOf(result, order)}`);
}

function reasonOf(result: CommandResult, { timeout }: CommandOrder): string {
  const said = firstLine(result.stderr) || firstLine(result.stdout);
  const words = said === '' ? '' : `: “${said}”`;
  switch (result.ended) {
    case 'not-found':
      return 'failed: there is no such program';
    case 'not-permitted':
      return 'failed: the program cannot be run';
    case 'timeout':
      return `did not end within ${timeout} s${words}`;
    case 'cancelled':
      return 'was cancelled';
    default:
      return result.signal === null
        ? `failed with exit code ${result.code}${words}`
        : `was ended by ${result.signal}${words}`;
  }
}
