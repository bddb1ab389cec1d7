import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDiscoveryOptions } from '../../../../src/library/fleet/discovery-options.ts';

describe('the options of a discovery method', () => {
  test('replace those of the configuration', () => {
    assert.deepEqual(parseDiscoveryOptions('mdns', ['interface=eth0', 'interface=eth1']), {
      interfaces: ['eth0', 'eth1'],
    });
    assert.deepEqual(parseDiscoveryOptions('file', ['file=a=b.yaml']), { file: 'a=b.yaml' });
    assert.deepEqual(parseDiscoveryOptions('dns', ['domain=devco.net', 'server=10.0.0.1:53']), {
      domain: 'devco.net',
      server: '10.0.0.1:53',
    });
    assert.deepEqual(parseDiscoveryOptions('cache', []), {});
  });

  for (const [method, options, message] of [
    ['mdns', ['eth0'], /is not a valid option/],
    ['mdns', ['file=x'], /mdns has no option “file”/],
    ['cache', ['file=x'], /cache has no option “file”/],
    ['dns', ['domian=devco.net'], /dns has no option “domian”/],
    ['dns', ['domain=a', 'domain=b'], /given 2 times/],
    ['dns', ['domain=a..b'], /not a valid domain name/],
    ['nowhere', ['x=y'], /nowhere has no option/],
  ] as const) {
    test(`are refused: ${method} ${options.join(' ')}`, () => {
      assert.throws(() => parseDiscoveryOptions(method, options), { code: 'usage', message });
    });
  }
});
