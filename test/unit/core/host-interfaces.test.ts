import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { hostInterfaces } from '../../../src/core/host-interfaces.ts';
import { sourceFile, withoutDescriptors } from '../../support/faults/without-descriptors.ts';

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
