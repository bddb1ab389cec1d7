import { defineProblems } from './define.ts';

/** The certificate authority and its revocation lists. */
export const caProblems = defineProblems({
  'no-ca': ['The directory holds no CA.', 'Create one: “mco-deploy ca init --realm REALM”.'],
  'wrong-ca': [
    'The CA in the directory is for another purpose: a root signs CAs only, any other CA signs nodes and operators only.',
    'Run the command with the right CA; --dir names its directory.',
  ],
  'no-request': [
    'The file holds a certificate for a key that this CA has not asked for.',
    'Make a request: “mco-deploy ca init --intermediate”, or “ca rollover --intermediate” where a CA exists.',
  ],
  'root-vouches': [
    'The root still vouches for the old intermediate CA, so removing its key would not end the trust in it.',
    'Revoke it on the root, and copy the list of the root here: “mco-deploy ca accept crl.pem”.',
  ],
  'bad-ca': ['The file is not a valid CA certificate.', 'Restore the CA directory from a backup.'],
  'ca-busy': [
    'Another command is changing the CA at the moment.',
    'Wait until it has ended. If it no longer runs, remove the lock file that the message names.',
  ],
  'expired-authority': ['The certificate of the CA has expired.', 'Create a new CA and enrol the nodes again.'],
  'bad-days': ['A certificate cannot be valid for that number of days.', 'Choose a number within the stated range.'],
  'bad-index': ['The ledger of issued certificates has a damaged line.', 'Restore the CA directory from a backup.'],
  'bad-profile': ['A certificate profile contains an unknown value.', 'Correct the profile; see certs/README.md.'],
  'bad-proof': [
    'The certificate request was not signed by the key that it contains.',
    'Create it again: “mco-deploy enroll”.',
  ],
  'bad-request-file': [
    'The file does not contain exactly one certificate request.',
    'Create it again: “mco-deploy enroll”.',
  ],
  'ambiguous-name': ['The name is that of a node and of an operator.', 'Say which one with --kind.'],
  'not-issued': ['This CA has issued no certificate to that name.', '“mco-deploy ca list” shows the names.'],
  'fingerprint-needed': [
    'A request must be compared with the fingerprint that the host printed, and there is no terminal to ask on.',
    'Pass it with --fingerprint.',
  ],
  'wrong-fingerprint': [
    'The request does not have the fingerprint that was given: it may come from somebody else.',
    'Do not sign it. Create the request on the host again and compare.',
  ],
  'not-confirmed': ['A person answered no to the question.', 'Repeat the command when the answer is yes.'],
  'no-rollover': ['There is only one CA, so no rollover can be ended.', 'Begin one: “mco-deploy ca rollover”.'],
  'still-needed': [
    'Certificates that the old CA issued are still in use, so the old CA cannot be removed.',
    'Renew or revoke them first; the message names them.',
  ],
  'bad-crl': ['The file does not contain exactly one valid revocation list.', 'Create it: “mco-deploy ca crl”.'],
  'foreign-crl': ['The revocation list was not signed by a CA of this fleet.', 'Use the list of the right CA.'],
  'old-crl': [
    'The node has a newer revocation list than the one that was sent.',
    'Send the newest list: “mco-deploy ca crl”, then “mco-deploy ca push-crl”.',
  ],
  'incomplete-crl': [
    'The revocation list lacks certificates that the CA has revoked.',
    'Create it again: “mco-deploy ca crl”, then “mco-deploy ca push-crl”.',
  ],
  'not-in-force': [
    'The revocation list was written, and the node cannot use it.',
    'The message says why; correct it and push the list again.',
  ],
});
