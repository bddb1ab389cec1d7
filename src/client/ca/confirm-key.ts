import { createInterface } from 'node:readline/promises';
import { Problem } from '../../core/errors.ts';
import type { CliContext } from '../cli/context.ts';

export interface ConfirmOptions {
  readonly fingerprint?: string;
  readonly yes?: boolean;
}

/**
 * A request may have been changed on its way; only a person who has seen its maker's screen knows.
 * @param shown the command that printed the fingerprint, and whose key it is
 * @throws Problem `wrong-fingerprint`, `fingerprint-needed`, `not-confirmed`
 */
export async function confirmKey(
  found: string,
  shown: { readonly by: string; readonly of: string },
  options: ConfirmOptions,
  context: CliContext,
): Promise<void> {
  if (options.fingerprint !== undefined) {
    if (options.fingerprint === found) return;
    const what = `the key in the request has the fingerprint ${found}, not ${options.fingerprint}`;
    throw new Problem('wrong-fingerprint', what, 'do not sign it: get the request from its machine again');
  }
  context.err(`fingerprint of the key: ${found}`);
  if (options.yes === true) return;
  if (!context.stdin.isTTY) {
    const hint = `compare it with what “${shown.by}” printed, then pass it with --fingerprint`;
    throw new Problem(
      'fingerprint-needed',
      `there is no terminal to confirm that this is the key of ${shown.of}`,
      hint,
    );
  }
  context.err(`did “${shown.by}” print the same for ${shown.of}? Type yes to sign it:`);
  const lines = createInterface({ input: context.stdin });
  try {
    const answer = await lines.question('', { signal: context.signal });
    if (answer.trim() !== 'yes') throw new Problem('not-confirmed', 'nothing was signed');
  } finally {
    lines.close();
  }
}
