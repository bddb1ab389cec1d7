import { stringify } from 'yaml';
import type { Host } from '../estate.ts';
import { mailHost } from '../estate.ts';
import type { FileTree } from './file-tree.ts';

/** The operator who may deploy. */
export const deployer = 'rip@devco.net';

/** The operator at the second control host, who may do what the deployer may. */
export const relief = 'zoe@devco.net';

const classes = { web: 'webserver', balancer: 'haproxy', notifier: 'notification', control: '', mail: '' };

/** The actions that the deployer may call on each kind of host. */
const allowed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  web: { rpcutil: '*', lock: '*', audit: '*', appmgr: 'upgrade rollback status restart', nrpe: 'runcommand' },
  balancer: { rpcutil: '*', lock: '*', audit: '*', haproxy: 'disable enable status list' },
  notifier: { rpcutil: '*', lock: '*', audit: '*', angelia: 'sendmsg' },
};

/** node.yaml, facts, classes and policies of a host with a daemon. */
export function nodeFiles(host: Host): FileTree {
  const files: Record<string, string> = {
    'etc/mco-deploy/node.yaml': stringify({ agents: { ...sharedAgents(host), ...agentSections(host) } }),
    'etc/mco-deploy/classes.txt': `${classes[host.kind]}\n`,
    'etc/mco-deploy/facts.d/lab.yaml': stringify({ role: host.kind, ...(host.cluster && { cluster: host.cluster }) }),
    'etc/mco-deploy/policies/default.policy': 'policy default deny\n',
    'var/log/mco-deploy/daemon.log': '',
    'services.sh': 'setsid lab-daemon &\n',
  };
  const callers = host.journal === true ? `cert=${deployer} cert=${relief}` : `cert=${deployer}`;
  const publishing = host.publishes === true ? { publish: 'prepare fetch list prune' } : {};
  const rights = { ...allowed[host.kind], ...(host.journal === true ? { journal: '*' } : {}), ...publishing };
  for (const [agent, actions] of Object.entries(rights)) {
    files[`etc/mco-deploy/policies/${agent}.policy`] = `policy default deny\nallow\t${callers}\t${actions}\t*\t*\n`;
  }
  return { ...files, 'var/lib/mco-deploy/': '' };
}

function sharedAgents({ journal }: Host): object {
  return { rpcutil: {}, lock: {}, audit: {}, ...(journal === true ? { journal: {} } : {}) };
}

function agentSections({ kind, publishes }: Host): object {
  switch (kind) {
    case 'web':
      return {
        appmgr: {
          applications: { app: publishes === true ? { ...application, artifacts: 'published' } : application },
        },
        nrpe: { config: '/etc/nagios/nrpe.cfg', timeout: 60 },
        ...(publishes === true ? { publish: { applications: { app: {} } } } : {}),
      };
    case 'balancer':
      return { haproxy: { sockets: ['/run/haproxy/admin.sock'], min_available: 1, ...patience } };
    case 'notifier':
      return {
        angelia: {
          smtp: { host: mailHost.address, port: 25, from: 'mco-deploy@devco.net' },
          webhooks: { ops: `http://${mailHost.address}/ops` },
          push: { boxcar: { url: `http://${mailHost.address}/boxcar`, format: 'boxcar' } },
        },
      };
    default:
      return {};
  }
}

/** Seconds: a busy machine may need them. */
const patience = { drain_timeout: 20, enable_timeout: 30, timeout: 15 };

const application = {
  root: '/srv/app',
  artifacts: '/srv/artifacts',
  reload: ['nginx', '-s', 'reload'],
  health: { url: 'http://127.0.0.1:80/health', timeout: 8 },
  keep: 5,
};
