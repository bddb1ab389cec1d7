import { defineProblems } from './define.ts';

/** Playbooks, their runs and their leftovers. */
export const runProblems = defineProblems({
  'bad-playbook': [
    'The playbook is not valid.',
    'Correct the line; “mco-deploy playbook check FILE” shows every fault.',
  ],
  'bad-script': ['The script is not valid.', 'Correct the line; docs/orchestrate.md describes the language.'],
  'script-failed': [
    'The script itself ended by fail(…); nothing was called.',
    'Read the message: it is the script’s own.',
  ],
  'nothing-found': [
    'The script itself ended by fail(…) after it had found no node; nothing was called.',
    'Check the values that it looks for nodes by, with “mco-deploy find”.',
  ],
  'bad-expression': [
    'An expression of the playbook cannot be evaluated.',
    'Correct it; docs/playbooks.md lists functions.',
  ],
  'bad-value': ['A value is too large or too deeply nested for an expression.', 'Use a smaller value.'],
  'bad-setting': ['An expression gives a value that this key does not accept.', 'Correct the expression.'],
  'bad-duration': ['The value is not a duration.', 'Write a number with a unit, such as 30s or 5m.'],
  'bad-list': ['The value of “in” is not a list, or is too long.', 'Give a list.'],
  'bad-input': ['An input of the playbook is missing or not valid.', 'Give it as NAME=VALUE.'],
  'bad-facts': ['A node reports facts that cannot be used.', 'Correct the fact files of that node.'],
  'no-nodes': ['A step has no node to call.', 'Check the node sets of the playbook and the filter.'],
  required: [
    'A condition of the playbook was not met, so the run stopped before it changed anything more.',
    'Read the message of the step.',
  ],
  'until-failed': [
    'What the step waits for did not become true within its tries.',
    'Read the last replies; correct the cause, then resume the run.',
  ],
  'not-up': [
    'The port or URL that a step waits for did not answer as expected in time.',
    'Look at the service there, then resume the run.',
  ],
  'wrong-version': [
    'A node runs a version of an agent for which the playbook was not written.',
    'Install the version of mco-deploy, or of that agent, that the playbook names under “uses”.',
  ],
  'not-known': [
    'Whether an action was completed is not known, and it must not be repeated.',
    'Check the node, then resume the run or undo it.',
  ],
  'not-agreed': ['The operator did not agree to the plan. Nothing was changed.', 'Run it again to agree.'],
  'journal-failed': ['The journal of the run cannot be written, so the run stopped.', 'Make room for it, then resume.'],
  'bad-journal': ['The journal of a run is damaged.', 'Use the audit logs: “mco-deploy audit trace RUN”.'],
  'newer-journal': [
    'A newer mco-deploy wrote the journal of the run.',
    'Use that version, or a later one, for this run: here and on the host that resumes it.',
  ],
  'journal-not-stored': [
    'Too few of the nodes that store the journal of the run have its last lines, so the run stopped before its next change.',
    'Read the reason of each node. When they answer again, “mco-deploy resume RUN”.',
  ],
  'journal-required': [
    'The configuration requires that nodes store the journal of a run, and none does.',
    'Enable the agent journal on the nodes and allow it by policy, or use --journal auto.',
  ],
  'journal-gap': ['The node lacks earlier lines of the journal.', 'Nothing is wrong: the client sends them.'],
  'journal-forked': [
    'Two copies of the journal of one run differ.',
    'Find out who resumed the run at the same time: “mco-deploy audit trace RUN” shows every call.',
  ],
  'journal-full': ['The node has no room for the journal of another run.', 'Raise the limits of the agent journal.'],
  'journal-incomplete': [
    'Too few of the nodes that store the journal of the run could be read: its last lines may be missing.',
    'Wait until they answer, or use the copies that there are with --force.',
  ],
  'not-leased': [
    'A line of a journal is only stored for the operator whose run holds the lease.',
    'Nothing needs to be done: mco-deploy sends lines only while it holds the lease.',
  ],
  'author-revoked': [
    'The certificate of the operator who wrote the journal of the run has been revoked.',
    'Find out why. To complete the run anyway, add --force.',
  ],
  'unknown-run': ['There is no journal of that run.', '“mco-deploy runs --fleet” lists the runs that nodes know.'],
  'no-run': ['There is no run to work with, or the request names none.', '“mco-deploy runs” lists the runs.'],
  'run-ended': ['The run ended well, so there is nothing to resume.', 'Start a new run.'],
  'run-superseded': [
    'A later run has changed the same hosts, and resuming the earlier one might undo that.',
    'Start a new run. To resume the earlier one all the same, add --superseded.',
  ],
  'run-in-progress': ['The run is still in progress in another process.', 'Wait for it, or stop that process.'],
  'other-operator': ['The run was started by another operator.', 'Resume it with the same identity.'],
  'playbook-changed': [
    'The playbook is not the one that the run started with.',
    'Restore it, or start a new run: it does not repeat what is done.',
  ],
  'nothing-to-undo': ['The run changed nothing that could be undone.', 'Nothing needs to be done.'],
  'no-release-before': ['It is not recorded which release served before.', 'Name the release to go back to.'],
});
