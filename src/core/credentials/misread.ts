/** Forms in which keys, certificates and lists are given out that are not what is read here, by their first label. */
const otherForms: readonly (readonly [RegExp, string])[] = [
  [
    /ENCRYPTED/,
    'it is encrypted with a passphrase: write it without one (openssl pkey -in FILE -out NEW), for its owner alone',
  ],
  [/^OPENSSH /, 'it is a key of ssh: give the key that “mco-deploy ca issue” or “enroll” wrote'],
  [/CERTIFICATE REQUEST$/, 'it is a request: the certificate is what the CA answers it with (mco-deploy ca sign)'],
];

/** What a file is in which no certificate, key or list can be read, and what to do. @param text its bytes as UTF-8 */
export function explainMisread(text: string): string {
  if (text.trim() === '') return 'it is empty';
  // What is not text begins with the tag of a sequence (ASN.1), and its length is not a character.
  if (/^0(\ufffd|.\x02\x01)/.test(text)) return 'it is DER or PKCS#12: convert it to PEM with openssl';
  if (text.includes('\0')) return 'it is UTF-16 or no text: save it as plain text';
  if (/\r(?!\n)/.test(text)) return 'its lines end as on an old Mac: save it with the line ends of Unix';
  const [, label] = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text) ?? [];
  if (label === undefined) return 'it is not PEM, which begins with “-----BEGIN”';
  const known = otherForms.find(([pattern]) => pattern.test(label) || (/PRIVATE/.test(label) && pattern.test(text)));
  return known?.[1] ?? `it has “${label}”, which is damaged or belongs in another file`;
}
