import type { Metafile } from 'esbuild';
import { shippedPlaybooks, shippedScripts } from '../../src/playbooks.ts';
import { schemas } from '../../src/schemas.ts';
import { bundle, commit } from './bundle.ts';
import { writeProtocol } from '../protocol/protocol.ts';
import { writeValidators } from './validators.ts';

/**
 * Bundles the program, with its validators, messages and playbooks.
 * @param directory where the parts go: `main.cjs`, and what it loads when it needs it
 * @param version what it says of itself; that of the sources when left out
 * @param releaseKey the public key that it checks later releases with, in PEM
 * @param library with `index.cjs`, what programs import
 * @returns which of the sources and packages went in
 */
export function bundleProgram(
  directory: string,
  version?: string,
  releaseKey = '',
  library = false,
): Promise<Metafile> {
  const validators = writeValidators(schemas);
  return bundle({
    entries: { main: 'src/main.ts', ...(library ? { index: 'src/index.ts' } : {}) },
    directory,
    standIns: {
      '#protocol': writeProtocol(),
      '#validators': validators.standIn,
      '#re2': "export const loadRe2 = () => require('./re2.cjs');\n",
      '#playbooks': `export const shippedPlaybooks = ${JSON.stringify(shippedPlaybooks)};\nexport const shippedScripts = ${JSON.stringify(shippedScripts)};\n`,
    },
    onDemand: { ...validators.parts, re2: "export * from 're2js';\n" },
    constants: {
      MCO_BUILD_COMMIT: commit(),
      MCO_RELEASE_KEY: releaseKey,
      ...(version === undefined ? {} : { MCO_BUILD_VERSION: version }),
    },
  });
}
