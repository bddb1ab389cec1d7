import { X509Certificate } from 'node:crypto';
import { Problem } from '../../core/errors.ts';
import type { Identity } from '../../core/identity.ts';
import { isObject } from '../../core/json.ts';
import { suggest } from '../../core/text.ts';
import type { Revocation, RevocationReason } from '../revocation/revocation-list.ts';

/** The holder of the certificate: a CA, on the machine of a root. */
export type IssuedKind = Identity['kind'] | 'intermediate';

/** One certificate that the CA issued: a line of issued.jsonl. Times are ISO 8601. */
export interface Issued {
  /** As X509Certificate.serialNumber. */
  readonly serial: string;
  /** `fingerprint256` of the CA certificate. */
  readonly issuer: string;
  readonly kind: IssuedKind;
  readonly name: string;
  readonly issuedAt: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** DER in base64: a renewal is for the same key. */
  readonly certificate: string;
  readonly revoked?: { readonly at: string; readonly reason: RevocationReason };
}

export type IssuedState = 'valid' | 'expired' | 'revoked';

export function stateOf(entry: Issued, now: number): IssuedState {
  if (entry.revoked !== undefined) return 'revoked';
  return now > Date.parse(entry.notAfter) ? 'expired' : 'valid';
}

export function describeIssued(
  certificate: X509Certificate,
  { kind, name }: Pick<Issued, 'kind' | 'name'>,
  issuer: X509Certificate,
  now: number,
): Issued {
  return {
    serial: certificate.serialNumber,
    issuer: issuer.fingerprint256,
    kind,
    name,
    issuedAt: new Date(now).toISOString(),
    notBefore: new Date(certificate.validFrom).toISOString(),
    notAfter: new Date(certificate.validTo).toISOString(),
    certificate: certificate.raw.toString('base64'),
  };
}

/** Whether a node or an operator holds it. @throws Problem `wrong-ca` for that of a CA, which cannot be renewed */
export function holderKind({ kind, name }: Issued): Identity['kind'] {
  if (kind !== 'intermediate') return kind;
  const hint = 'on its machine, run “mco-deploy ca rollover --intermediate”';
  throw new Problem('wrong-ca', `${name} is an intermediate CA, which gets a new key instead of a renewal`, hint);
}

export function certificateOf(entry: Issued): X509Certificate {
  return new X509Certificate(Buffer.from(entry.certificate, 'base64'));
}

/** @throws Problem `bad-index` with file and line: a CA that forgets its certificates cannot revoke them */
export function parseIssued(text: string, file: string): Issued[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        const value: unknown = JSON.parse(line);
        if (isObject(value) && ['serial', 'issuer', 'kind', 'name', 'certificate'].every((key) => key in value)) {
          return value as unknown as Issued;
        }
      } catch {}
      throw new Problem('bad-index', `${file}:${index + 1}: the line is damaged`, 'restore the file from a backup');
    });
}

export function formatIssued(entries: readonly Issued[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/**
 * The certificates with a name (newest first), or the one with a serial.
 * @param kind decides if a node and an operator have the same name
 * @throws Problem `not-issued`, `ambiguous-name`
 */
export function findIssued(entries: readonly Issued[], nameOrSerial: string, kind?: Identity['kind']): Issued[] {
  const serial = nameOrSerial.replaceAll(':', '').toUpperCase();
  const bySerial = entries.filter((entry) => entry.serial === serial);
  if (bySerial.length > 0) return bySerial;
  const found = entries.filter((entry) => entry.name === nameOrSerial && (kind === undefined || entry.kind === kind));
  if (found.length === 0) {
    const names = entries.map((entry) => entry.name);
    throw new Problem(
      'not-issued',
      `nothing was issued to “${nameOrSerial}” here`,
      suggest(nameOrSerial, new Set(names)),
    );
  }
  if (new Set(found.map((entry) => entry.kind)).size > 1) {
    throw new Problem('ambiguous-name', `“${nameOrSerial}” is a node and an operator`, 'choose one with --kind');
  }
  return found.reverse();
}

export function revocationsOf(entries: readonly Issued[], issuer: string): Revocation[] {
  return entries.flatMap(({ serial, issuer: by, revoked }) =>
    revoked === undefined || by !== issuer ? [] : [{ serial, at: Date.parse(revoked.at), reason: revoked.reason }],
  );
}
