import { identityOf, parseCertificate } from '../../core/credentials/certificate.ts';
import { Problem } from '../../core/errors.ts';
import { readInput } from '../../core/files/read-input.ts';
import { loadClientConfig } from '../../library/config/config.ts';
import type { CliContext } from '../cli/context.ts';

/** The local operator, by their certificate; undefined if nobody is configured. */
export async function operatorName(config: string | undefined, { env }: CliContext): Promise<string | undefined> {
  try {
    const { tls } = await loadClientConfig(config, env);
    return identityOf(parseCertificate(String(await readInput(tls.certificate))))?.name;
  } catch (error) {
    // Whether fleet.yaml is valid does not depend on it.
    if (config === undefined || !(error instanceof Problem)) return undefined;
    throw error;
  }
}
