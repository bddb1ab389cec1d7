import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetsOf } from '../../../../../src/agents/haproxy/runtime/other-processes.ts';

test('the targets of a configuration are the addresses and names of its servers, with and without a port', () => {
  const configuration = `
backend app
  # server none 10.0.0.9:80
  server web1 10.0.0.1:80 check
	server web2 ipv6@[2001:db8::2]:443 ssl
  server web3 web3.devco.net
  server-template t 1-3 app.devco.net:+1000 check
  server
  default-server 10.0.0.8:80`;
  assert.deepEqual([...targetsOf(configuration)].sort(), [
    ...['10.0.0.1', '10.0.0.1:80', '2001:db8::2', '[2001:db8::2]:443'],
    ...['app.devco.net', 'app.devco.net:+1000', 'web3.devco.net'],
  ]);
});
