import type { Host } from '../estate.ts';
import { isNode } from '../estate.ts';
import { balancerFiles } from './balancer.ts';
import { homeOf } from './control.ts';
import type { FileTree } from './file-tree.ts';
import { mailFiles } from './mail.ts';
import { deployer, nodeFiles } from './node.ts';
import { webFiles } from './web.ts';

const common: FileTree = {
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n',
  'etc/mtab': { link: '/proc/self/mounts' },
  'proc-loadavg': '0.10 0.08 0.05 1/100 1000\n',
};

/** The files of one host, from the root of its own file system, without what is secret. */
export function hostFiles(host: Host, estate: readonly Host[]): FileTree {
  return {
    ...common,
    'etc/hostname': `${host.name}\n`,
    // Only its own name: hosts have to discover all others.
    'etc/hosts': `127.0.0.1 localhost\n::1 localhost\n${host.address} ${host.name}\n`,
    ...(isNode(host) ? nodeFiles(host) : {}),
    ...(host.breakable === true ? breakableFiles(host) : {}),
    ...kindFiles(host, estate),
  };
}

/** The directories that are small file systems of a host whose file systems tests fill. */
export function smallFileSystems({ kind }: Pick<Host, 'kind'>): string[] {
  if (kind === 'control') return [`/${homeOf(deployer)}/.local/state/mco-deploy`];
  if (kind === 'mail') return [];
  return ['/var/log/mco-deploy', '/var/lib/mco-deploy', ...(kind === 'web' ? ['/srv/app'] : [])];
}

function breakableFiles(host: Host): FileTree {
  const sizes = smallFileSystems(host).map((directory) => `${directory} 96m\n`);
  return { 'etc/clock': '+0\n', 'small-file-systems': sizes.join('') };
}

function kindFiles(host: Host, estate: readonly Host[]): FileTree {
  switch (host.kind) {
    case 'web':
      return webFiles();
    case 'balancer':
      return balancerFiles(estate.filter(({ kind }) => kind === 'web'));
    case 'notifier':
      return {};
    case 'mail':
      return mailFiles();
    case 'control':
      return { 'services.sh': '' };
  }
}
