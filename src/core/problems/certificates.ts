import { defineProblems } from './define.ts';

/** Certificates and keys, and who may present them. */
export const certificateProblems = defineProblems({
  'bad-certificate': [
    'A certificate cannot be read, or it lacks a property that every certificate of the fleet has.',
    'Issue it again: “mco-deploy ca issue node|operator NAME”.',
  ],
  'expired-certificate': [
    'A certificate is no longer valid: its end date has passed.',
    'Renew it: “mco-deploy ca renew NAME”. If the date is wrong, correct the clock of the host.',
  ],
  'early-certificate': [
    'A certificate is not valid yet: its start date is in the future.',
    'Correct the clock of the host that reports this (NTP).',
  ],
  'foreign-certificate': [
    'The certificate was not issued by the CA that this side trusts.',
    'Check which fleet the node belongs to, and that both sides have the same ca.crt.',
  ],
  'refused-certificate': [
    'The node refused the certificate of the caller during the TLS handshake.',
    'Check that the certificate is valid and that the node trusts its CA.',
  ],
  'revoked-certificate': [
    'The certificate was revoked, so it is refused although it has not expired.',
    'Issue a new certificate with a new key: “mco-deploy ca issue node|operator NAME”.',
  ],
  'not-for-application': [
    'The certificate of the caller is limited to applications, and the request is for another one or names none.',
    'Name the application that the certificate is for, or use a certificate that is for this one.',
  ],
  'wrong-kind': [
    'A certificate of a node was used where one of an operator is required, or the other way round.',
    'Use a certificate of the right kind: “mco-deploy ca issue operator NAME” makes one.',
  ],
  'wrong-node': [
    'The certificate belongs to another node than the one that was expected at this address.',
    'Check the address in the list of nodes. If the host was replaced, run “mco-deploy forget NODE”.',
  ],
  'wrong-caller': [
    'The result of a call was requested by somebody other than the caller of that call.',
    'Request it with the certificate that made the call.',
  ],
  'duplicate-identity': [
    'Two hosts use the same name with a valid certificate. Neither is called, because either could be the copy.',
    'Stop the daemon on the copied host, then issue it a certificate with its own name.',
  ],
  'bad-der': ['A certificate or key has a damaged binary encoding.', 'Copy the file again from its source.'],
  'bad-key': [
    'A key cannot be read, or is not of the type that is required here.',
    'Use an ECDSA P-256 key, or the type that the message names.',
  ],
  'exposed-key': [
    'Other users may read or write the file of the private key, and could act as its owner.',
    'Type the command that the message ends with; if others may have copied the key, revoke its certificate.',
  ],
  'bad-passphrase': ['The passphrase does not open the key.', 'Type it again; caps lock may be on.'],
  'passphrase-needed': [
    'The key of the CA is encrypted, and there is no terminal to type the passphrase on.',
    'Run the command on a terminal, or name a file with --passphrase-file.',
  ],
  'handshake-failed': [
    'The TLS handshake with the peer failed.',
    'The message says why. “mco-deploy doctor” checks the certificates of both sides.',
  ],
});
