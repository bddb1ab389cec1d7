/** Load balancers as users have them: each with what it needs beside HAProxy, and the paths by which each backend is reached. */
import type { Host } from '../../support/lab/estate.ts';

export interface Topology {
  readonly name: string;
  /** haproxy.cfg, for the hosts dev1 to dev4. */
  readonly config: (hosts: readonly Host[], restoring?: boolean) => string;
  /** A path for each backend. */
  readonly paths: readonly string[];
  /** Lines that lead to a node, where neither its name nor its address says so: `servers` in the agent's configuration. */
  readonly servers?: Readonly<Record<string, readonly string[]>>;
  /** Whether the load balancer resolves the hosts' names to their addresses. */
  readonly resolves?: boolean;
  /** Whether the load balancer runs a name server with SRV records of the hosts. */
  readonly srv?: boolean;
  /** Whether clients open a connection per request: in `mode tcp` a session is a connection, and lasts as long. */
  readonly oneRequestEach?: boolean;
  /** Whether dev2 runs an agent that answers “ready up 100%”. */
  readonly agentCheck?: boolean;
}

const head = (restoring: boolean, more = '') => `global
  maxconn 2000
  nbthread 1
  stats socket /run/haproxy/admin.sock mode 660 level admin
${restoring ? '  server-state-file /run/haproxy/state\n' : ''}${more}
defaults
${restoring ? '  load-server-state-from-file global\n' : ''}  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  retries 3
  option redispatch 1
  retry-on all-retryable-errors
`;
const front = `frontend www
  bind :80
`;
const checked = `  option httpchk GET /health
  default-server check inter 100ms fall 2 rise 2
`;
const lines = (hosts: readonly Host[], name: (host: Host, index: number) => string, options = '') =>
  hosts.map((host, index) => `  server ${name(host, index)} ${host.address}:80 ${options}`.trimEnd()).join('\n');
const own = ({ name }: Host) => name;

export const topologies: readonly Topology[] = [
  {
    name: 'one backend, as the lab has it',
    paths: ['/'],
    config: (hosts, restoring = false) =>
      `${head(restoring)}${front}  default_backend app\nbackend app\n${checked}${lines(hosts, own)}\n`,
  },
  {
    name: 'an agent-check that answers “ready up”',
    paths: ['/'],
    agentCheck: true,
    config: (hosts, restoring = false) =>
      `${head(restoring)}${front}  default_backend app\nbackend app\n${checked.replace('rise 2', 'rise 2 weight 100')}${lines(
        hosts,
        own,
      ).replace(/(dev2\S+ \S+)/, '$1 agent-check agent-port 9777 agent-inter 200ms')}\n`,
  },
  {
    name: 'several backends, one of which follows',
    paths: ['/', '/about/', '/ws'],
    config: (hosts, restoring = false) => `${head(restoring)}${front}  use_backend static if { path_beg /about }
  use_backend ws if { path_beg /ws }
  default_backend app
backend app
${checked}${lines(hosts, own)}
backend static
  default-server check inter 100ms fall 2 rise 2
${lines(hosts, own)}
backend ws
  http-request set-path /
${hosts.map((host) => `  server ${host.name} ${host.address}:80 track app/${host.name}`).join('\n')}
`,
  },
  {
    name: 'two lines of one host, found by its address',
    paths: ['/'],
    resolves: true,
    config: (hosts, restoring = false) => `${head(restoring)}${front}  default_backend app
backend app
  default-server check inter 100ms fall 2 rise 2
${hosts.map(({ address }, index) => `  server app${index + 1}-a ${address}:80\n  server app${index + 1}-b ${address}:8001`).join('\n')}
`,
  },
  {
    name: 'slots, mapped in node.yaml',
    paths: ['/'],
    servers: {
      'dev1.devco.net': ['web1'],
      'dev2.devco.net': ['web2'],
      'dev3.devco.net': ['web3'],
      'dev4.devco.net': ['web4'],
    },
    config: (hosts, restoring = false) =>
      `${head(restoring)}${front}  default_backend app\nbackend app\n${checked}${lines(hosts, (_, index) => `web${index + 1}`)}\n`,
  },
  {
    name: 'SRV records',
    paths: ['/'],
    resolves: true,
    srv: true,
    config: (_hosts, restoring = false) => `${head(
      restoring,
      `resolvers consul
  nameserver c1 127.0.0.1:8600
  accepted_payload_size 8192
  hold valid 1s
  timeout resolve 500ms
  timeout retry 500ms`,
    )}${front}  default_backend app
backend app
  balance roundrobin
  option httpchk
  http-check send meth GET uri /health
  server-template web 6 _app._tcp.service.consul resolvers consul resolve-prefer ipv4 check inter 100ms init-addr none
`,
  },
  {
    name: 'mode tcp',
    oneRequestEach: true,
    paths: ['/'],
    config: (hosts, restoring = false) =>
      `${head(restoring)
        .replaceAll('mode http', 'mode tcp')
        .replace(/ {2}retry-on.*\n/, '')}${front}  default_backend app\nbackend app\n${checked}${lines(hosts, own)}\n`,
  },
  {
    name: 'cookie persistence, a dynamic key and a backup server',
    paths: ['/'],
    config: (hosts, restoring = false) => `${head(restoring)}${front}  default_backend app
backend app
  cookie SRV insert indirect nocache dynamic
  dynamic-cookie-key secret
${checked}${lines(hosts, own)}
  server sorry 127.0.0.1:8999 backup
`,
  },
];
