import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addressesToDial } from '../../../../../src/discovery/mdns/dial-order.ts';
import { hostnameOf, instanceIn, instanceOf } from '../../../../../src/discovery/mdns/wire/instance.ts';

const eth0 = { name: 'eth0', ipv4: '10.0.0.1', mac: '02:00:00:00:00:01', container: false };

describe('an instance name', () => {
  test('is the identity, with its dots', () => {
    assert.equal(instanceOf('dev1.devco.net'), 'dev1.devco.net');
  });

  test('fits into one label, and two long identities stay two', () => {
    const long = `${'a'.repeat(60)}.${'b'.repeat(60)}`;
    assert.ok(instanceOf(long).length <= 63);
    assert.notEqual(instanceOf(`${long}.x`), instanceOf(`${long}.y`));
  });

  test('is found in a full name of the service, and of no other', () => {
    assert.equal(instanceIn('Dev1.devco.net._MCO-deploy._tcp.local'), 'dev1.devco.net');
    assert.equal(instanceIn('_mco-deploy._tcp.local'), undefined);
    assert.equal(instanceIn('_aa._sub._mco-deploy._tcp.local'), undefined);
    assert.equal(instanceIn('dev1._http._tcp.local'), undefined);
  });

  test('points to a host name that is the same at each start and different on another machine', () => {
    assert.equal(hostnameOf('dev1', [eth0]), hostnameOf('dev1', [eth0]));
    assert.notEqual(
      hostnameOf('dev1', [eth0]),
      hostnameOf('dev1', [{ ...eth0, mac: '02:00:00:00:00:02', container: false }]),
    );
    assert.notEqual(hostnameOf('dev1', [eth0]), hostnameOf('dev2', [eth0]));
  });
});

describe('the addresses to dial', () => {
  const heard = { from: '10.0.0.1', interface: 'eth0' };

  test('begin with the one that replied and end with link-local ones, on their interface', () => {
    const addresses = ['fe80::1', '2001:db8::1', '192.168.0.1', '10.0.0.1'];
    assert.deepEqual(addressesToDial({ ...heard, addresses }), [
      '10.0.0.1',
      '192.168.0.1',
      '2001:db8::1',
      'fe80::1%eth0',
    ]);
  });

  test('fall back to the one that the reply came from', () => {
    assert.deepEqual(addressesToDial({ ...heard, addresses: [] }), ['10.0.0.1']);
  });
});
