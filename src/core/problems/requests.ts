import { defineProblems } from './define.ts';

/** What a node checks before it carries out a request. */
export const requestProblems = defineProblems({
  'policy-denied': [
    'No policy on the node allows this caller to call this action.',
    'Ask the owner of the node. “mco-deploy policy explain” on the node shows which line decides.',
  ],
  'bad-policy': [
    'A policy file is not valid. The last valid one stays in force.',
    'Correct the line; “mco-deploy policy check FILE” shows every fault.',
  ],
  'unknown-agent': ['The node does not run an agent of that name.', 'Enable it in node.yaml, or check the name.'],
  'unknown-action': ['The agent has no action of that name.', '“mco-deploy doc AGENT” lists its actions.'],
  'bad-ddl': ['The description (DDL) of an agent is not valid.', 'Correct the file that the message names.'],
  'bad-schema': ['A schema in a DDL uses a keyword in a way that is not allowed.', 'Correct the DDL.'],
  'bad-signature': [
    'A signature does not match what was signed.',
    'The request or file was changed on its way. Do not use it; send or download it again.',
  ],
  'bad-commitment': [
    'The value of a sensitive input does not match what the caller signed, or an input is hidden that is not sensitive.',
    'Repeat the call. If it happens again, somebody changes requests on their way, or the descriptions of the agent here and on the node differ.',
  ],
  'bad-time': ['The request asks for a lifetime that the node does not allow.', 'Use the client of this version.'],
  'clock-skew': [
    'The clocks of the node and of the caller differ by more than the node allows.',
    'Set both clocks (NTP); the message shows them.',
  ],
  'expired-request': ['The request arrived after its lifetime.', 'Repeat the call; check clocks and network delays.'],
  replayed: [
    'The node received the very same request before, so it was not carried out again.',
    'Repeat the command: each call is a new request.',
  ],
  'id-reused': [
    'The id belongs to an earlier request, or message, that is another one. Nothing was done.',
    'Send it as a new request, with a new id.',
  ],
  'unproven-fresh': [
    'The node was started after the request was made, and its audit log does not reach back far enough to show that the request did not come before.',
    'Repeat the call some seconds later: each call is a new request.',
  ],
  interrupted: [
    'The daemon ended while the action ran. Whether the action was completed is not known.',
    'Check the state on the node before you repeat the call.',
  ],
  stopping: ['The daemon stopped and cancelled the action.', 'Check the state on the node, then repeat the call.'],
  timeout: ['The action did not end within its time.', 'Check the node; raise the timeout if the action needs longer.'],
  busy: ['Too many calls run or wait on the node, or another call changes the same thing.', 'Wait, then repeat.'],
  'rate-limited': [
    'The caller sends more calls than the node allows.',
    'Call more slowly, or raise “limits” in node.yaml.',
  ],
  'no-dry-run': ['The action cannot show what it would change.', 'Call it without --dry-run.'],
  'not-matched': ['The node does not match the filter of the request.', 'Nothing is wrong: other nodes were meant.'],
  'wrong-target': ['The request was signed for another node.', 'Check the addresses of both nodes.'],
  'not-told': ['The configuration item is not one that the node reveals.', 'Read node.yaml on the host.'],
  'too-many-agents': ['There are more external agents than a node runs.', 'Remove those that are not needed.'],
  'agent-failed': ['An agent could not start, or broke its limits and was stopped.', 'Read the log of the node.'],
  'no-jobs': ['The node keeps no jobs, so nothing was done.', 'Enable the agent jobs in its node.yaml.'],
  detached: [
    'The node carries the call out as a job and has replied without waiting.',
    '“mco-deploy jobs wait ID” waits for it.',
  ],
  'job-exists': ['The node has a job of that request already.', 'Nothing is wrong: “mco-deploy jobs” lists it.'],
  'unknown-job': [
    'The node has no job of that id that the caller may see.',
    '“mco-deploy jobs” lists yours. An outcome is kept for a day.',
  ],
  'too-many-jobs': ['So many jobs run on the node that it takes no more.', 'Wait until one has ended, or cancel one.'],
  'lease-held': [
    'Another run has the lease, so this one may not change the same nodes now.',
    'Wait for it (--lock-wait SECONDS). “mco-deploy locks” shows who holds it.',
  ],
  'lease-lost': [
    'The lease of the run ended on a node while the run was in progress, so the run stopped.',
    'Check the node, then “mco-deploy resume RUN”.',
  ],
  'stale-lease': [
    'The request belongs to a lease that has ended or that another run took over. Nothing was done.',
    '“mco-deploy locks” shows the current one; then “mco-deploy resume RUN”.',
  ],
  'no-lease': [
    'The lease could not be taken on every node.',
    'Enable the agent lock on the nodes, or continue without a lease (--no-lock).',
  ],
  'bad-ttl': ['A lease cannot be taken for that long on this node.', 'Ask for a shorter one, or raise max_ttl.'],
  'too-many-leases': ['The node holds as many leases as it may.', '“mco-deploy locks” lists them.'],
});
