import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { hostInterfaces, recentHostInterfaces } from '../../../../src/core/host/host-interfaces.ts';
import { sourceFile, withoutDescriptors } from '../../../support/faults/without-descriptors.ts';

describe('the network interfaces of this host', () => {
  test('are those of the last time while the kernel cannot be asked', () => {
    assert.deepEqual(hostInterfaces(), networkInterfaces());
    const failing = () => {
      throw new Error('no descriptor');
    };
    assert.deepEqual(hostInterfaces(failing), networkInterfaces());
    assert.deepEqual(
      hostInterfaces(() => ({})),
      {},
    );
  });

  test('are asked for again only after the given time, where recent ones are enough', (t) => {
    let now = performance.now();
    t.mock.method(performance, 'now', () => now);
    const [first, second, third] = [{ eth0: [] }, { eth1: [] }, { eth2: [] }];
    assert.equal(
      hostInterfaces(() => first),
      first,
    );
    now += 500;
    assert.equal(
      recentHostInterfaces(500, () => second),
      first,
    );
    now += 1;
    assert.equal(
      recentHostInterfaces(500, () => second),
      second,
    );
    now += 500;
    assert.equal(
      recentHostInterfaces(500, () => third),
      second,
    );
    assert.equal(
      hostInterfaces(() => third),
      third,
    );
    assert.equal(
      recentHostInterfaces(500, () => first),
      third,
    );
  });

  test('fail no timer and no packet of multicast DNS when no descriptor is left', () => {
    const imports = `
      import { findInterfaces } from ${sourceFile('discovery/mdns/interfaces.ts')};
      import { isOwnAddress, watchNetworks } from ${sourceFile('discovery/mdns/networks.ts')};
      findInterfaces();`;
    const code = `
      return [findInterfaces(['lo']).used.map(({ name }) => name), isOwnAddress('127.0.0.1'), watchNetworks()('127.0.0.1', 'lo')]`;
    assert.deepEqual(withoutDescriptors(imports, code), [['lo'], true, false]);
  });
});
