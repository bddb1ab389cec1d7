import type { RunCommand } from '../../../core/ports.ts';
import type { BodyValues } from './format.ts';
import type { CommandConfig } from '../config.ts';
import { DeliveryFailure } from './failure.ts';

/** The codes of sysexits(3) by which a program reports a permanent failure: EX_DATAERR, EX_NOUSER, EX_NOPERM. */
const permanent: readonly (number | null)[] = [65, 67, 77];

/**
 * Passes a message to a program, as JSON on its standard input; nothing of it is in the arguments or the environment. A
 * program that was killed in the middle, or with the daemon, gets the message again under the same id.
 * @param timeout milliseconds
 * @throws DeliveryFailure unless it exits with 0
 */
export async function execute(
  { argv }: CommandConfig,
  values: BodyValues,
  run: RunCommand,
  timeout: number,
  signal: AbortSignal,
): Promise<void> {
  const [program = '', ...args] = argv;
  const stdin = `${JSON.stringify(values)}\n`;
  const {
    code,
    ended,
    signal: killer,
    stderr,
  } = await run([program, ...args], { timeout, signal, stdin, limit: 4096 });
  if (code === 0 && ended === undefined) return;
  const how = ended ?? (code === null ? `ended by ${killer}` : `exit code ${code}`);
  const [firstLine = ''] = stderr.trim().split('\n', 1);
  const reason = firstLine === '' ? '' : `: ${firstLine.slice(0, 300)}`;
  throw new DeliveryFailure(`${program} failed (${how})${reason}`, ended === undefined && permanent.includes(code));
}
