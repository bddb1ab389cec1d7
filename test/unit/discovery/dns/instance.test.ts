import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityIn } from '../../../../src/discovery/dns/instance.ts';

test('the identity is before the service, with its dots escaped or not', () => {
  const service = '_mco-deploy._tcp.Devco.net';
  assert.equal(identityIn('dev1.devco.net._mco-deploy._tcp.devco.net', service), 'dev1.devco.net');
  assert.equal(identityIn('DEV1\\.devco\\.net._mco-deploy._tcp.devco.net.', service), 'dev1.devco.net');
  assert.equal(identityIn('dev1._http._tcp.devco.net', service), undefined);
});
