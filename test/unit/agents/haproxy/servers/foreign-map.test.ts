import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveHosts } from '../../../../../src/agents/haproxy/servers/host.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

test('a map that gives a host the line of another is refused with the line of its name, before others at its address', () => {
  const views = [
    backendView('app', [server('web1', { ip: '10.0.0.1' }), server('web2', { ip: '10.0.0.2' })]),
    backendView('static', [server('s1', { ip: '10.0.0.1', port: 8080 })]),
  ];
  assert.throws(() => resolveHosts(['s1'], views, { map: { s1: 'web2' }, addresses: new Map(), held: [] }), {
    code: 'bad-map',
    message: 'the map gives s1 the line app/web2 (10.0.0.2:80), and s1 is static/s1 (10.0.0.1:8080)',
  });
});
