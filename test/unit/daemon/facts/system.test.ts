import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { localMounts } from '../../../../src/daemon/facts/disks.ts';
import {
  distributionIn,
  gatherSystemFacts,
  interfacesIn,
  memoryIn,
  primaryInterface,
} from '../../../../src/daemon/facts/system.ts';
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
    ['Podman', { podmanFile: true, dockerFile: false }, { type: 'podman', container: true }],
    ['nspawn', { container: 'systemd-nspawn\n' }, { type: 'systemd-nspawn', container: true }],
  ];
  for (const [what, clues, expected] of cases)
    test(`is detected: ${what}`, () => assert.deepEqual(decideVirtualisation({ ...nothing, ...clues }), expected));
});

describe('the facts of the operating system', () => {
  test('are those of os-release, or of a system without it', () => {
    const text =
      'NAME="Ubuntu"\nID=ubuntu\nID_LIKE="debian other"\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04 LTS"\n';
    assert.deepEqual(distributionIn(text), {
      name: 'ubuntu',
      version: '24.04',
      description: 'Ubuntu 24.04 LTS',
      family: 'debian',
    });
    assert.deepEqual(distributionIn('ID=debian\n').family, 'debian');
    assert.deepEqual(distributionIn(''), { name: 'linux', version: '', description: '', family: 'linux' });
  });

  test('have the memory in bytes', () => {
    const { total_bytes, ...others } = memoryIn('MemAvailable:    2048 kB\nSwapTotal:  3 kB\nSwapFree:   1 kB\n');
    assert.deepEqual(others, { available_bytes: 2048 * 1024, swap_bytes: 3072, swap_free_bytes: 1024 });
    assert.ok(Number(total_bytes) > 1024 * 1024);
    assert.equal(memoryIn('')['swap_bytes'], 0);
  });

  test('name the interface of the default route, and no other', () => {
    const route = (name: string, destination: string, mask: string) =>
      [name, destination, '0101A8C0', '0003', '0', '0', '100', mask, '0', '0', '0'].join('\t');
    const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT';
    const lines = [head, route('vpn0', '00000000', '00000080'), route('lan0', '0001A8C0', '00FFFFFF')];
    assert.equal(primaryInterface([...lines, route('eth0', '00000000', '00000000')].join('\n')), 'eth0');
    assert.deepEqual([primaryInterface(lines.join('\n')), primaryInterface('')], ['', '']);
  });

  test('have each interface with its addresses', () => {
    const address = { mac: '00:16:3e:00:00:01', address: '10.0.0.1', cidr: '10.0.0.1/24' };
    const found = { eth0: [address, { ...address, address: 'fe80::1', cidr: null }], none: [] };
    assert.deepEqual(interfacesIn(found as unknown as Parameters<typeof interfacesIn>[0]), {
      eth0: { mac: '00:16:3e:00:00:01', addresses: ['10.0.0.1/24', 'fe80::1'] },
      none: { mac: '', addresses: [] },
    });
  });

  test('are those of this host', async () => {
    const { fqdn, hostname, domain, processors, kernel } = await gatherSystemFacts();
    assert.equal([hostname, domain].filter((part) => part !== '').join('.'), fqdn);
    assert.deepEqual([(processors as { count: number }).count > 0, (kernel as { name: string }).name], [true, 'linux']);
  });
});
