import { explain, Problem } from '../../core/errors.ts';
import { proveCertificate } from '../../core/credentials/proof.ts';
import type { Session } from '../fleet/session.ts';

/** What an operator must do before nodes accept a further command, as the end of “after …”; undefined if nothing. */
export function renewalOf(
  { credentials, trust }: Pick<Session['caller'], 'credentials' | 'trust'>,
  now: number,
): string | undefined {
  try {
    proveCertificate(credentials.certificate, 'operator', trust, now);
    return undefined;
  } catch (error) {
    const { name } = credentials.identity;
    const isOwn = error instanceof Problem && now > Date.parse(credentials.certificate.validTo);
    return isOwn ? `“mco-deploy ca renew ${name}” where the CA is` : `this is solved: ${explain(error)}`;
  }
}
