import type { Host } from '../estate.ts';
import type { FileTree } from './file-tree.ts';

export const backend = 'app';
export const adminSocket = 'run/haproxy/admin.sock';

/**
 * How servers are checked: close together, as tests wait for the results. A server that serves may be slow for a second
 * (`timeout check`, without which `inter` limits an answer, too), three times in a row, before it is down.
 */
export const checks = 'check inter 100ms fall 3 rise 2';
/** For the section `defaults`. */
export const checkTimeout = 'timeout check 1s';

/**
 * A load balancer over all web servers, with checks close together so that tests need not wait. Its own reload loses no
 * request: the old process hands its listeners over (`expose-fd`), and closes an idle connection only with a response
 * (`idle-close-on-response`), so that no client sends a request into a connection that is being closed.
 */
export function balancerFiles(servers: readonly Host[]): FileTree {
  return {
    'etc/haproxy/haproxy.cfg': haproxyConfig(servers),
    'run/haproxy/': '',
    'services.sh': 'haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid\nsetsid lab-daemon &\n',
  };
}

export function haproxyConfig(servers: readonly Pick<Host, 'name' | 'address'>[]): string {
  return `global
  maxconn 2000
  nbthread 1
  stats socket /${adminSocket} mode 660 level admin expose-fd listeners

defaults
  mode http
  timeout connect 1s
  ${checkTimeout}
  timeout client 30s
  timeout server 30s
  option idle-close-on-response
  retries 3
  option redispatch 1
  retry-on all-retryable-errors

frontend www
  bind :80
  default_backend ${backend}

backend ${backend}
  balance roundrobin
  option httpchk
  http-check send meth GET uri /health
  http-check expect status 200
  default-server ${checks}
${servers.map(({ name, address }) => `  server ${name} ${address}:80`).join('\n')}
`;
}
