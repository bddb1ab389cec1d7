import { defineProblems } from './define.ts';

/** The audit log and its faults. */
export const auditProblems = defineProblems({
  'audit-failed': ['The audit record cannot be written, so nothing was done.', 'Make room for the audit log.'],
  'audit-back': [
    'The audit log of the node ends before a record that this client has seen: it was cut or restored.',
    'Find out who did that. Then acknowledge it: “mco-deploy audit heads --forget NODE”.',
  ],
  'audit-forked': [
    'The audit log of the node has another record where this client has seen one: it was rewritten.',
    'Find out who did that. Then acknowledge it: “mco-deploy audit heads --forget NODE”.',
  ],
  'audit-broken': [
    'The audit log of the node does not continue the record that this client knows: it was cut, rewritten or restored. Nothing was done.',
    'Find out why. Then acknowledge it: “mco-deploy audit heads --forget NODE”.',
  ],
  'bad-head': ['The end of a log is not signed by its node.', 'Check the certificate of the node.'],
  'bad-heads': ['The file with the known ends of logs is damaged.', 'Keep it as evidence, and move it away.'],
  'too-much': ['Too much of the log would have to be read for the answer.', 'Ask for a shorter time.'],
  malformed: ['A line of the log is not a record.', 'Compare with a backup; somebody or a disk damaged the file.'],
  edited: ['A record was changed after it was written.', 'Compare with a backup, and find out who changed it.'],
  removed: ['Records are missing from the log.', 'Compare with a backup, and find out who removed them.'],
  truncated: ['The log ends before a record that is known to have existed.', 'Compare with a backup.'],
  torn: [
    'The last line is incomplete, as a crash leaves it.',
    'Nothing needs to be done: the daemon repairs it at its next start.',
  ],
  foreign: ['A record was signed by a certificate that does not belong to this node.', 'Find out where it comes from.'],
  'forged-request': ['A recorded request was not signed by the caller that it names.', 'Find out where it comes from.'],
  rewritten: ['The log does not agree with what callers know of it.', 'Compare with a backup of the log.'],
  'not-in-journal': [
    'A node recorded a call that the journal of the run does not have.',
    'Find out who made the call.',
  ],
  'not-asked': ['The records of a node could not be read.', 'Allow “audit.records” there, or start the node.'],
});
