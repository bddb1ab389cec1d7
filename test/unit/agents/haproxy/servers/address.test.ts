import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  hostAddress,
  isOwnLoopback,
  lookUpAddresses,
  normalizeAddress,
} from '../../../../../src/agents/haproxy/servers/address.ts';
import { mockDelays } from '../../../../support/mock-delays.ts';

describe('the identity of a server’s host', () => {
  for (const [ip, address, expected] of [
    ['10.0.0.1', '10.0.0.1:80', '10.0.0.1'],
    ['2001:DB8:0::6', '[2001:DB8:0::6]:80', '2001:db8::6'],
    ['127.0.0.1', '127.0.0.1:9001', '127.0.0.1:9001'],
    ['::1', '[::1]:9001', '[::1]:9001'],
    ['127.0.0.2', '127.0.0.2:80', '127.0.0.2'],
    ['', 'unix', undefined],
    ['0.0.0.0', '0.0.0.0:80', undefined],
    ['::', ':::80', undefined],
    ['dev2.devco.net', 'dev2.devco.net:80', undefined],
  ] as const) {
    test(`is ${expected} at “${ip}”`, () => assert.equal(hostAddress({ ip, address }), expected));
  }

  test('does not come from the load balancer’s own two addresses', () => {
    const own = ['127.0.0.1', '::1', '127.0.0.2', '10.0.0.1', '::2'].map(isOwnLoopback);
    assert.deepEqual(own, [true, true, false, false, false]);
  });
});

describe('the normal form of an address', () => {
  for (const [text, expected] of [
    ['10.0.0.1', '10.0.0.1'],
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['fe80:0:0::1%eth0', 'fe80::1%eth0'],
    ['fe80:0:0::1', 'fe80::1'],
    ['app.devco.net', 'app.devco.net'],
  ] as const) {
    test(`has “${expected}” for “${text}”`, () => assert.equal(normalizeAddress(text), expected));
  }
});

describe('a lookup of addresses', () => {
  test('happens for names only: not for addresses, nor for texts with other characters', async () => {
    // Its limit of time is not the subject: a busy machine may take longer.
    using _clock = mockDelays();
    const found = await lookUpAddresses(['localhost', '10.0.0.1', '::1', '10.0.0.1:80', 'a b', 'a/b', '']);
    assert.deepEqual([...found.keys()], ['localhost']);
    assert.ok(found.get('localhost')?.includes('127.0.0.1') || found.get('localhost')?.includes('::1'));
  });

  test('finds none for a name that does not resolve', async () => {
    const impossible = `${'a'.repeat(64)}.test`;
    assert.deepEqual([...(await lookUpAddresses([impossible]))], [[impossible, []]]);
  });
});
