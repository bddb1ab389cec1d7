import { defineProblems } from './define.ts';

/** Finding nodes and talking to them. */
export const networkProblems = defineProblems({
  'no-response': [
    'The node did not answer in time. It may be off, overloaded, or cut off by the network.',
    'Check the host and its daemon: “mco-deploy ping -I NODE”.',
  ],
  'no-answer': [
    'A node that was expected to answer did not.',
    'Check the daemon on the host: “mco-deploy doctor node”.',
  ],
  unreachable: [
    'No connection to the node could be opened.',
    'Check that its daemon runs and that no firewall closes the port.',
  ],
  'unreachable-dns': ['The DNS server gave no usable answer.', 'Check the name and the resolver of this host.'],
  'no-such-service': ['DNS lists no nodes under that name.', 'Check the domain and its PTR records.'],
  'source-failed': [
    'A source of nodes (a program, Consul, PuppetDB or a database) could not be queried, or its answer is not valid.',
    'The message says why; check the settings of the source: in client.yaml, or in node.yaml for one of a relay.',
  ],
  'empty-source': [
    'A source of nodes named no node at all.',
    'Check its query and settings: in client.yaml, or in node.yaml for a source of a relay.',
  ],
  'no-multicast': [
    'No network interface can send a multicast question.',
    'Name the nodes in a file (--nodes FILE) or use another discovery method (--dm).',
  ],
  'cannot-listen': [
    'The daemon cannot open its port: another program uses it, or the address does not belong to this host.',
    'Change “listen” in node.yaml, or stop the other program.',
  ],
  'not-serving': ['The daemon is stopping and takes no more calls.', 'Call it again when it has restarted.'],
  'protocol-error': [
    'The peer does not follow the protocol.',
    'Check that it is a daemon of mco-deploy, and its version.',
  ],
  'other-protocol': [
    'The peer speaks another version of the protocol.',
    'Install the same version of mco-deploy on both sides.',
  ],
  'malformed-message': ['A message cannot be decoded.', 'Check the versions on both sides.'],
  'too-large': ['A message is larger than the node accepts.', 'Make the input smaller, or split the call.'],
  'unknown-service': ['The gRPC service does not exist on this node.', 'Call mco.v1.Node or grpc.health.v1.Health.'],
  'bad-reply': [
    'The reply of the node is not valid, so its content is not used.',
    'Check the version and log of the node.',
  ],
  'bad-data': ['A reply contains data that cannot be represented.', 'Check the agent on the node that sent it.'],
  'reply-lost': [
    'The action completed, but its reply is no longer available.',
    'Check the result on the node: “mco-deploy audit show” lists the call.',
  ],
  silent: [
    'A node that belongs to the set, and was proven before, does not answer.',
    'Start it, retire it with “mco-deploy forget NODE”, or continue without it (--allow-missing).',
  ],
  'incomplete-facts': [
    'The facts of a node are incomplete, so it may belong to the set.',
    'Correct the file that the warning names, then repeat the command.',
  ],
  'left-set': [
    'A node belonged to this set before and no longer does.',
    'Correct its facts. If the change is intended, run “mco-deploy forget NODE”.',
  ],
  'unknown-node': ['This client has never seen a node of that name.', '“mco-deploy find” lists the known nodes.'],
  'bad-nodes': ['The list of nodes has an entry that is not valid.', 'Correct the line that the message names.'],
  'bad-filter': ['The filter is not valid.', 'Correct it; docs/commands.md explains filters.'],
  'bad-pattern': ['The regular expression is not valid, or too costly.', 'Write a simpler expression.'],
});
