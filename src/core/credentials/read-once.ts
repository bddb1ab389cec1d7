import type { X509Certificate } from 'node:crypto';

/** Reads something of each certificate once: a certificate never changes. */
export function readOnce<T extends object>(
  read: (certificate: X509Certificate) => T,
): (certificate: X509Certificate) => T {
  const known = new WeakMap<X509Certificate, T>();
  return (certificate) => {
    const before = known.get(certificate);
    if (before !== undefined) return before;
    const found = read(certificate);
    known.set(certificate, found);
    return found;
  };
}
