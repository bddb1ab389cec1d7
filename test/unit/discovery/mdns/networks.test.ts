import assert from 'node:assert/strict';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { hostInterfaces } from '../../../../src/core/host/host-interfaces.ts';
import { isOwnAddress, watchNetworks } from '../../../../src/discovery/mdns/networks.ts';

const address = (cidr: string) => ({ cidr }) as NetworkInterfaceInfo;

describe('a packet belongs to another interface', () => {
  test('if it comes from the network of that one, and of no network here', () => {
    hostInterfaces(() => ({
      eth0: [address('10.1.0.1/16'), address('fd00::1/64')],
      eth1: [address('10.2.0.1/16'), address('10.3.0.1/16')],
      eth2: [address('10.3.0.2/16')],
    }));
    const belongsElsewhere = watchNetworks();
    for (const [from, name, expected] of [
      ['10.1.0.9', 'eth0', false],
      ['10.1.0.9', 'eth1', true],
      ['10.2.0.9', 'eth0', true],
      ['10.3.0.9', 'eth1', false],
      ['10.3.0.9', 'eth2', false],
      ['10.3.0.9', 'eth0', true],
      ['192.0.2.9', 'eth0', false],
      ['fd00::9', 'eth0', false],
      ['fd00::9', 'eth1', true],
      ['fe80::9%eth0', 'eth0', false],
      ['fe80::9%eth0', 'eth1', true],
    ] as const)
      assert.equal(belongsElsewhere(from, name), expected, `${from} at ${name}`);
  });

  test('by the addresses that the daemon found when it looked last', () => {
    hostInterfaces(() => ({ eth0: [address('10.1.0.1/16')], eth1: [address('10.2.0.1/16')] }));
    const belongsElsewhere = watchNetworks();
    assert.equal(belongsElsewhere('10.1.0.9', 'eth1'), true);
    hostInterfaces(() => ({ eth0: [address('10.2.0.1/16')], eth1: [address('10.1.0.1/16')] }));
    assert.equal(belongsElsewhere('10.1.0.9', 'eth1'), false);
    assert.equal(belongsElsewhere('10.1.0.9', 'eth0'), true);
  });
});

test('an address is this host’s own if any interface has it, whatever its zone', () => {
  const { address: own } = Object.values(networkInterfaces()).flat()[0] ?? assert.fail('there is no interface');
  assert.equal(isOwnAddress(own), true);
  assert.equal(isOwnAddress(`${own}%eth9`), true);
  assert.equal(isOwnAddress('192.0.2.1'), false);
});
