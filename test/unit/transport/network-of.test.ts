import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { networkOf } from '../../../src/transport/connections/network-of.ts';

const cases: readonly [string | undefined, string][] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8::1:0:0:1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  [undefined, 'unknown'],
];

describe('the network of an address', () => {
  for (const [address, network] of cases) {
    test(`is ${network} for ${address}`, () => assert.equal(networkOf(address), network));
  }
});
