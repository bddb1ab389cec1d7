import { defineProblems } from '../define.ts';

/** Monitoring, notifications and agents in other languages. */
export const agentProblems = defineProblems({
  'bad-nrpe-configuration': ['The NRPE configuration has a line that is not valid.', 'Correct the line that is named.'],
  'refused-command': [
    'The check is not defined, or its command would need a shell.',
    'Define it in nrpe.cfg without shell syntax.',
  ],
  'refused-arguments': ['The arguments of the check are not allowed.', 'See agents.nrpe.arguments in node.yaml.'],
  'no-program': ['The program of the check does not exist or is not executable.', 'Install the plugin.'],
  'nrpe-unreachable': ['The NRPE daemon does not answer.', 'Check that it runs and allows this host.'],
  'nrpe-bad-answer': ['The NRPE daemon answered in a form that is not valid.', 'Check its version and TLS settings.'],
  'bad-query': ['The check and its arguments do not fit into an NRPE packet.', 'Set “packet: 4”.'],
  'bad-smtp-configuration': ['The SMTP settings are not valid.', 'Correct “smtp” below agents.angelia.'],
  'bad-endpoint': ['The settings of a notification endpoint are not valid.', 'Correct it below agents.angelia.'],
  'bad-recipient': ['The recipient is not valid.', 'Write it as SCHEME://ADDRESS; see docs/notifications.md.'],
  'unknown-recipient': ['The node cannot send to that kind of recipient.', 'Configure the channel for angelia.'],
  'recipient-denied': ['The node does not send to that domain.', 'Add the domain to agents.angelia.smtp.domains.'],
  undeliverable: ['The message could not be delivered and is kept.', 'Correct the cause, then “rpc angelia retry”.'],
  'already-delivered': ['The message was delivered already.', 'Nothing needs to be done.'],
  'unknown-message': ['There is no message of that id.', '“mco-deploy rpc angelia queue” lists the messages.'],
  'not-yours': ['The message is held for another caller.', 'Only that caller may renew or withdraw it.'],
  'queue-full': ['Too many messages wait for delivery.', 'Find out why they are not delivered: “rpc angelia queue”.'],
  'spool-unwritable': [
    'The message cannot be stored on disk, so it was not accepted.',
    'Make room in the state directory.',
  ],
  'bad-id': ['The id of the request cannot name a message.', 'Use the client of this version.'],
  'action-failed': ['An external agent reported that its action failed.', 'Read its message; check its program.'],
  'agent-error': ['An external agent reported an error.', 'Read its message; check its program.'],
});
