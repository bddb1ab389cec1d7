import { explain } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { LiveKeys } from './live-keys.ts';

/** Records in the audit log the starts and stops of the daemon, and each certificate that it signs with. */
export interface Lifecycle {
  /** @throws Problem `audit-failed` */
  readonly started: () => Promise<void>;
  /** Records another certificate, once. */
  readonly renewed: () => Promise<void>;
  readonly stopped: () => Promise<void>;
}

export function startLifecycle(audit: AuditLog, keys: LiveKeys, version: string, log: Log): Lifecycle {
  let noted = '';
  const note = async (kind: 'started' | 'certificate' | 'stopped') => {
    const certificate = keys.current().credentials.certificate.raw.toString('base64');
    if (kind === 'certificate' && certificate === noted) return;
    await audit.append({ kind, version, certificate }, true);
    noted = certificate;
  };
  const attempt = async (kind: 'certificate' | 'stopped') => {
    await note(kind).catch((error: unknown) => log.error({}, explain(error)));
  };
  return {
    started: () => note('started'),
    renewed: () => attempt('certificate'),
    stopped: () => attempt('stopped'),
  };
}
