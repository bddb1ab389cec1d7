import { Problem } from '../../../core/errors.ts';
import { explainDisk } from '../release/disk.ts';
import type { Work } from '../release/releases.ts';
import type { Application } from '../application.ts';

/** Does work on an application; errors of the system become Problems. */
export async function explainingFailure<T>(
  { config, releases }: Application,
  what: string,
  { signal }: Pick<Work, 'signal'>,
  act: () => Promise<T>,
): Promise<T> {
  try {
    await releases.assertUsable();
    return await act();
  } catch (error) {
    if (signal.aborted && !(error instanceof Problem)) {
      throw new Problem('cancelled', `${what} of “${config.name}” was cancelled`, 'nothing was changed');
    }
    throw await explainDisk(error, releases.root);
  }
}
