import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { localMounts } from '../../../../src/daemon/facts/disks.ts';
import { type Clues, decideVirtualisation } from '../../../../src/daemon/facts/virtualisation.ts';

describe('local file systems', () => {
  test('are those on devices of this machine, each once, and never those of another', () => {
    const text = [
      '/dev/sda1 / ext4 rw 0 0',
      '/dev/sda1 /var/lib/bound/deeper ext4 rw 0 0',
      '/dev/mapper/data /srv/my\\040data xfs rw 0 0',
      'server:/export /mnt/nfs nfs4 rw 0 0',
      'tmpfs /run tmpfs rw 0 0',
      '/dev/loop3 /snap/core squashfs ro 0 0',
      'overlay /merged overlay rw 0 0',
      '',
    ].join('\n');
    assert.deepEqual(
      localMounts(text).map(({ at, device, kind }) => [at, device, kind]),
      [
        ['/', '/dev/sda1', 'ext4'],
        ['/merged', 'overlay', 'overlay'],
        ['/srv/my data', '/dev/mapper/data', 'xfs'],
      ],
    );
  });
});

describe('virtualisation', () => {
  const nothing: Clues = {
    container: '',
    dockerFile: false,
    podmanFile: false,
    controlGroups: '0::/init.scope\n',
    firmware: 'Dell Inc. PowerEdge R640',
    hypervisor: '',
    processors: 'flags\t\t: fpu vme\n',
  };
  const cases: [string, Partial<Clues>, { type: string; container: boolean }][] = [
    ['bare metal', {}, { type: 'none', container: false }],
    ['KVM', { firmware: 'QEMU Standard PC' }, { type: 'kvm', container: false }],
    ['VMware', { firmware: 'VMware, Inc. VMware Virtual Platform' }, { type: 'vmware', container: false }],
    ['Xen without firmware', { firmware: ' ', hypervisor: 'xen\n' }, { type: 'xen', container: false }],
    [
      'one that only its processor reveals',
      { processors: 'flags : fpu hypervisor\n' },
      { type: 'unknown', container: false },
    ],
    ['Docker in KVM', { dockerFile: true, firmware: 'QEMU' }, { type: 'docker', container: true }],
    ['LXC by its groups', { controlGroups: '1:name=systemd:/lxc/web1\n' }, { type: 'lxc', container: true }],
    ['nspawn', { container: 'systemd-nspawn\n' }, { type: 'systemd-nspawn', container: true }],
  ];
  for (const [what, clues, expected] of cases)
    test(`is detected: ${what}`, () => assert.deepEqual(decideVirtualisation({ ...nothing, ...clues }), expected));
});
