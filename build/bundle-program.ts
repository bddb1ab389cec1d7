import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shippedPlaybooks } from '../src/playbooks.ts';
import { schemas } from '../src/schemas.ts';
import { bundle, commit } from './bundle.ts';
import { writeValidators } from './validators.ts';

/**
 * Bundles the program, with its validators and playbooks.
 * @param directory where the parts go: `main.cjs`, and what it loads when it needs it
 * @param work a directory for what is made on the way
 * @param version what it says of itself; that of the sources when left out
 * @param releaseKey the public key that it checks later releases with, in PEM
 */
export async function bundleProgram(directory: string, work: string, version?: string, releaseKey = '') {
  const playbooks = `export const shippedPlaybooks = ${JSON.stringify(shippedPlaybooks)};\n`;
  const generate = async (name: string, text: string): Promise<string> => {
    await writeFile(join(work, name), text);
    return join(work, name);
  };
  return bundle({
    entry: 'src/main.ts',
    directory,
    standIns: {
      '#validators': await generate('validators.js', writeValidators(schemas)),
      '#playbooks': await generate('playbooks.js', playbooks),
    },
    constants: {
      MCO_BUILD_COMMIT: commit(),
      MCO_RELEASE_KEY: releaseKey,
      ...(version === undefined ? {} : { MCO_BUILD_VERSION: version }),
    },
  });
}
