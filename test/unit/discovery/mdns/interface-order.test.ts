import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { orderInterfaces } from '../../../../src/discovery/mdns/interface-order.ts';
import { ipv4Defaults, ipv6Defaults } from '../../../../src/discovery/mdns/routes.ts';

const order = (names: readonly string[], defaults: readonly string[] = [], bridges: readonly string[] = []) =>
  orderInterfaces(
    names.map((name) => ({ name })),
    { defaultRoutes: new Set(defaults), isBridge: (name) => bridges.includes(name) },
  ).map(({ name }) => name);

describe('the order of interfaces', () => {
  test('begins with those that have a default route and ends with those of containers', () => {
    const names = ['docker0', 'br-1a2b3c4d5e6f', 'virbr0', 'eth1', 'cali12ab', 'eth0', 'wlan0'];
    const ordered = ['eth0', 'eth1', 'wlan0', 'docker0', 'br-1a2b3c4d5e6f', 'virbr0', 'cali12ab'];
    assert.deepEqual(order(names, ['eth0']), ordered);
  });

  test('puts a bridge with a default route first', () => {
    assert.deepEqual(order(['br1', 'eth9', 'br0'], ['br0'], ['br0', 'br1']), ['br0', 'eth9', 'br1']);
  });

  test('keeps the kernel’s order within each group', () => {
    assert.deepEqual(order(['b', 'a', 'c']), ['b', 'a', 'c']);
  });
});

describe('default routes', () => {
  test('include for IPv4 those to 0.0.0.0/0', () => {
    const table = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t0000A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0
`;
    assert.deepEqual(ipv4Defaults(table), ['eth0']);
    assert.deepEqual(ipv4Defaults(''), []);
  });

  test('include for IPv6 only those to ::/0 with a gateway', () => {
    const zeros = '0'.repeat(32);
    const table = `${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo
fe80${'0'.repeat(28)} 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     eth1
`;
    assert.deepEqual(ipv6Defaults(table), ['eth0']);
  });
});
