import { smallFileSystems } from '../../support/lab/files/host-files.ts';
import { bravo, called } from '../hosts.ts';
import { byShell, type ChooseFault } from './fault.ts';

interface Disk {
  readonly name: string;
  readonly path: string;
  readonly hosts: readonly string[];
}

const [journal = ''] = smallFileSystems({ kind: 'control' });
const disks: readonly Disk[] = [
  { name: 'logs', path: '/var/log/mco-deploy', hosts: called },
  { name: 'state', path: '/var/lib/mco-deploy', hosts: called },
  { name: 'releases', path: '/srv/app', hosts: bravo },
  { name: 'journals of runs', path: journal, hosts: ['control'] },
];

/** Small file systems without a free byte, and such that nothing can be made or opened for writing on. */
export const diskFaults: readonly ChooseFault[] = disks.flatMap(({ name, path, hosts }) => [
  byShell({
    ...{ kind: `${name} full`, hosts, part: path },
    bad: `dd if=/dev/zero of=${path}/.filled bs=64k 2>/dev/null; test -s ${path}/.filled`,
    good: `rm -f ${path}/.filled`,
  }),
  byShell({
    ...{ kind: `${name} read-only`, hosts, part: path },
    bad: `mount --bind ${path} ${path} && mount -o remount,bind,ro ${path}`,
    good: `umount --lazy ${path}`,
  }),
]);
