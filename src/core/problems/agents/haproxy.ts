import { defineProblems } from '../define.ts';

/** Load balancers. */
export const haproxyProblems = defineProblems({
  'haproxy-unreachable': ['HAProxy does not answer on its socket.', 'Check that it runs, and the path in node.yaml.'],
  'haproxy-timeout': ['HAProxy did not answer in time.', 'Check the load of the host and “stats maxconn”.'],
  'haproxy-answer': ['HAProxy answered in a form that is not known.', 'Check its version; report the answer.'],
  'haproxy-refused': ['HAProxy refused the command.', 'The message shows its answer.'],
  'haproxy-failed': [
    'A change on a load balancer failed, and was undone where possible.',
    'Check “mco-deploy status”.',
  ],
  'haproxy-lacks': ['This version of HAProxy does not have a command that is needed.', 'Install HAProxy 2.2 or later.'],
  'haproxy-not-admin': [
    'The socket of HAProxy does not allow changes.',
    'Add “level admin” to its “stats socket” line.',
  ],
  'haproxy-processes': [
    'HAProxy runs as several processes (“nbproc”), and not every one has a socket in node.yaml. The others would still send requests to hosts that are taken out, so nothing was changed.',
    'Give each process a “stats socket … process N” in haproxy.cfg, and list all in “sockets”.',
  ],
  'unknown-backend': ['HAProxy has no backend of that name.', 'Check the name; the message lists similar ones.'],
  'unknown-server': [
    'No server line leads to that host.',
    'Check its name and address in haproxy.cfg, or map it in node.yaml.',
  ],
  'bad-name': [
    'A name has characters that are not allowed, or is too long.',
    'Use the name that the message suggests.',
  ],
  'bad-weight': ['The weight is not valid.', 'Use 0 to 256, or a percentage.'],
  'not-in-maintenance': [
    'A server did not leave traffic, or came back by itself.',
    'Something else puts it back: check agent-check and other tools.',
  ],
  'haproxy-replaced': [
    'HAProxy was reloaded, and an earlier process of it still serves connections. It may send requests to the host that is to be taken out, so nothing was changed.',
    'Wait until the process that the message names has ended, or end it. “hard-stop-after” in HAProxy’s configuration limits its time.',
  ],
  'server-not-up': [
    'A server was put back, and its health check does not pass.',
    'Check the application on that host; the message shows the reason.',
  ],
  'too-few-servers': [
    'Taking these servers out would leave fewer than min_available.',
    'Use a smaller batch, or bring other servers back first.',
  ],
  'back-in-traffic': [
    'A host that the run had taken out was put into traffic while it was to stay out. The run stopped, and the host is out again.',
    'Stop what the message names (a reload, an agent-check, a tool, a person), then resume the run.',
  ],
  'not-proven-out': [
    'Whether a host is still out of traffic could not be proven, so nothing further was changed.',
    'Check that load balancer with “mco-deploy status”, then resume the run.',
  ],
  'weight-not-set': ['A server did not take the new weight.', 'Check HAProxy on that load balancer.'],
  'bad-port': ['The port is not valid.', 'Use a number from 1 to 65535.'],
  'bad-map': [
    'The map of servers in node.yaml names a line that does not exist or that leads to another host.',
    'Correct “servers” below agents.haproxy.',
  ],
  'ambiguous-server': [
    'One server line leads to more than one of the named nodes, so it is not clear which one it belongs to.',
    'Map the nodes to their lines in “servers” below agents.haproxy.',
  ],
  'haproxy-unknown-state': [
    'HAProxy reports a state of a server that this version does not know, so nothing is changed.',
    'Install a newer version of mco-deploy; report the state that the message shows.',
  ],
  'haproxy-disagrees': [
    'The agent and HAProxy itself count a different number of usable servers, so nothing is changed.',
    'Compare the message with “show stat”, and report it.',
  ],
  'unreadable-state': ['The record of servers that are held out cannot be read.', 'Correct its permissions.'],
  'damaged-state': [
    'The record of servers that are held out is damaged.',
    'Check which servers are out (“mco-deploy status”), then remove the file that the message names.',
  ],
  'unwritable-state': ['The agent cannot write what it must remember.', 'Make room or correct the state directory.'],
});
