import type { Identity } from '../core/identity.ts';
import type { ArchiveEntry } from './tar.ts';

/**
 * The initial files of a new host or operator: each line that is not a comment states a default, except in the policy.
 */
export function startingFiles({ kind, name }: Pick<Identity, 'kind' | 'name'>): ArchiveEntry[] {
  if (kind === 'operator') return [{ path: 'client.yaml', mode: 0o644, content: clientYaml(name) }];
  return [
    { path: 'node.yaml', mode: 0o644, content: nodeYaml(name) },
    { path: 'classes.txt', mode: 0o644, content: '# One class a line, as in the filter -C: haproxy\n' },
    { path: 'facts.d/', mode: 0o755, content: '' },
    { path: 'policies/', mode: 0o755, content: '' },
    { path: 'policies/default.policy', mode: 0o644, content: defaultPolicy },
  ];
}

const nodeYaml = (name: string) => `# mco-deploy daemon on ${name}. Relative paths start at the directory of this file.
listen: { address: "::", port: 5810 }
tls: { certificate: node.crt, key: node.key, ca: ca.crt, crl: crl.pem }

# Facts of your own are read from here; those published go out by multicast, the others only to operators.
facts: { directory: facts.d, publish: [cluster] }
classes: classes.txt
policies: policies

# Interfaces to announce on; none named: all that are up and can do multicast.
discovery: { mdns: true, interfaces: [] }
audit: { file: /var/log/mco-deploy/audit.jsonl }
state: /var/lib/mco-deploy
log: { level: info }

# Seconds by which a caller's clock may be ahead or behind.
clock_grace: 10

# Only the agents named here run.
agents:
  rpcutil: {}
  lock: {}
  # Takes newer revocation lists of the CA from operators that a policy allows (mco-deploy ca push-crl).
  crl: {}
  # Lets operators that a policy allows read this node’s audit records (mco-deploy audit trace).
  audit: {}
  # haproxy: { sockets: [/run/haproxy/admin.sock], min_available: 1 }
  # appmgr:
  #   applications:
  #     app:
  #       root: /srv/app
  #       artifacts: /srv/artifacts
  #       reload: [nginx, -s, reload]
  #       health: { url: "http://127.0.0.1:80/health", timeout: 10 }
  #       keep: 5
  # nrpe: { config: /etc/nagios/nrpe.cfg, timeout: 10 }
  # angelia: { smtp: { host: 127.0.0.1, port: 25, from: "mco-deploy@example.org" } }
`;

const defaultPolicy = `# Who may do what on this node, for every agent without its own policy file (AGENT.policy).
# The first rule that matches decides, then the default. Columns are parted by tabs:
# allow|deny	CALLERS	ACTIONS	FACTS	CLASSES
#
# Nothing is allowed until a rule says so. Let one operator do all:
# allow	cert=rip@devco.net	*	*	*
policy default deny
`;

const clientYaml = (name: string) => `# mco-deploy for ${name}. Relative paths start at the directory of this file.
tls: { certificate: operator.crt, key: operator.key, ca: ca.crt, crl: crl.pem }

# How nodes are found: mdns, or file (one name a line, or YAML with addresses). The timeout is in seconds.
discovery: { method: mdns, interfaces: [], timeout: 2 }
# discovery: { method: file, file: nodes.yaml }

# What playbooks are given unless the command line says otherwise.
# inputs: { backend: app, recipient: "mailto:ops@example.org" }

# Seconds to wait for a node's answer.
timeout: 10
`;
