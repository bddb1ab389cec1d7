import type { Host } from '../estate.ts';
import { isNode } from '../estate.ts';
import { balancerFiles } from './balancer.ts';
import type { FileTree } from './file-tree.ts';
import { mailFiles } from './mail.ts';
import { nodeFiles } from './node.ts';
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
    // Its own name alone: whoever wants another host has to discover it.
    'etc/hosts': `127.0.0.1 localhost\n::1 localhost\n${host.address} ${host.name}\n`,
    ...(isNode(host) ? nodeFiles(host) : {}),
    ...kindFiles(host, estate),
  };
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
