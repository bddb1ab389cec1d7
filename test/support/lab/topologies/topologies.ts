/** Load balancers as users have them: each with what it needs beside HAProxy, and the paths by which each backend is reached. */
import type { Host } from '../estate.ts';
import { checks, checkTimeout } from '../files/balancer.ts';

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
  /** Whether the load balancer runs a name server with addresses and SRV records of the hosts. */
  readonly names?: boolean;
  /** Whether the hosts have IPv6 addresses, by which HAProxy and the load balancer's resolver know them. */
  readonly ipv6?: boolean;
  /** Hosts that serve only while others do not. */
  readonly idle?: readonly string[];
  /** Whether clients open a connection per request: in `mode tcp` a session is a connection, and lasts as long. */
  readonly oneRequestEach?: boolean;
  /** Whether dev2 runs an agent that answers “ready up 100%”. */
  readonly agentCheck?: boolean;
}

const head = (restoring: boolean, more = '') => `global
  maxconn 2000
  nbthread 1
  stats socket /run/haproxy/admin.sock mode 660 level admin expose-fd listeners
${restoring ? '  server-state-file /run/haproxy/state\n' : ''}${more}
defaults
${restoring ? '  load-server-state-from-file global\n' : ''}  mode http
  timeout connect 1s
  ${checkTimeout}
  timeout client 30s
  timeout server 30s
  option idle-close-on-response
  retries 3
  option redispatch 1
  retry-on all-retryable-errors
`;
const front = `frontend www
  bind :80
`;
const checked = `  option httpchk GET /health
  default-server ${checks}
`;
const lines = (hosts: readonly Host[], name: (host: Host, index: number) => string, options = '') =>
  hosts.map((host, index) => `  server ${name(host, index)} ${host.address}:80 ${options}`.trimEnd()).join('\n');
const own = ({ name }: Host) => name;
const resolvers = `resolvers consul
  nameserver c1 127.0.0.1:8600
  accepted_payload_size 8192
  hold valid 1s
  timeout resolve 500ms
  timeout retry 500ms`;

/** `fd00:5::1:2` for 10.5.1.2. */
export function sixthOf({ address }: Pick<Host, 'address'>): string {
  return `fd00:5::${address.split('.').slice(2).join(':')}`;
}

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
  default-server ${checks}
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
  default-server ${checks}
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
    names: true,
    config: (_hosts, restoring = false) => `${head(restoring, resolvers)}${front}  default_backend app
backend app
  balance roundrobin
  option httpchk
  http-check send meth GET uri /health
  server-template web 6 _app._tcp.service.consul resolvers consul resolve-prefer ipv4 ${checks} init-addr none
`,
  },
  {
    name: 'mode tcp',
    oneRequestEach: true,
    paths: ['/'],
    config: (hosts, restoring = false) =>
      `${head(restoring)
        .replaceAll('mode http', 'mode tcp')
        .replace(
          / {2}(retry-on|option idle-close-on-response).*\n/g,
          '',
        )}${front}  default_backend app\nbackend app\n${checked}${lines(hosts, own)}\n`,
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
  {
    name: 'resolvers with A records',
    paths: ['/'],
    resolves: true,
    names: true,
    config: (hosts, restoring = false) => `${head(restoring, resolvers)}${front}  default_backend app
backend app
${checked}  default-server resolvers consul resolve-prefer ipv4 init-addr none
${hosts.map(({ name }, index) => `  server slot${index + 1} ${name.split('.')[0]}.node.consul:80`).join('\n')}
`,
  },
  {
    name: 'IPv6 addresses',
    paths: ['/'],
    resolves: true,
    ipv6: true,
    config: (hosts, restoring = false) => `${head(restoring)}${front}  default_backend app
backend app
${checked}${hosts.map((host, index) => `  server six${index + 1} [${sixthOf(host)}]:80`).join('\n')}
`,
  },
  {
    name: 'every character that HAProxy allows in names',
    paths: ['/', '/about/'],
    servers: {
      'dev1.devco.net': ['web:1'],
      'dev2.devco.net': ['4711/-2', 'a:b.c-d_e/-2'],
      'dev3.devco.net': ['3'],
      'dev4.devco.net': ['.dev_4:x-'],
    },
    config: (hosts, restoring = false) => `${head(restoring)}${front}  use_backend 4711 if { path_beg /about }
  default_backend a:b.c-d_e
backend 4711
${checked}${lines(hosts, (_, index) => ['web:1', '-2', '3', '.dev_4:x-'][index] ?? '')}
backend a:b.c-d_e
${checked}${lines(hosts, (_, index) => ['web:1', '-2', '3', '.dev_4:x-'][index] ?? '')}
`,
  },
  {
    name: 'two lines of one host in several backends, one of which follows',
    paths: ['/', '/about/', '/ws'],
    resolves: true,
    config: (hosts, restoring = false) => `${head(restoring)}${front}  use_backend static if { path_beg /about }
  use_backend ws if { path_beg /ws }
  default_backend app
backend app
  default-server ${checks}
${hosts.map(({ address }, index) => `  server app${index + 1}-a ${address}:80\n  server app${index + 1}-b ${address}:8001`).join('\n')}
backend static
  default-server ${checks}
${lines(hosts, (_, index) => `static${index + 1}`)}
backend ws
  http-request set-path /
${hosts.map(({ address }, index) => `  server ws${index + 1} ${address}:8001 track app/app${index + 1}-b`).join('\n')}
`,
  },
  {
    name: 'backup servers',
    paths: ['/'],
    idle: ['dev3.devco.net', 'dev4.devco.net'],
    config: (hosts, restoring = false) => `${head(restoring)}${front}  default_backend app
backend app
  option allbackups
${checked}${hosts.map(({ name, address }, index) => `  server ${name} ${address}:80${index > 1 ? ' backup' : ''}`).join('\n')}
`,
  },
];
