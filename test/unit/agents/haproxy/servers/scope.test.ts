import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveHosts } from '../../../../../src/agents/haproxy/servers/host.ts';
import { linesOf, lineName } from '../../../../../src/agents/haproxy/servers/line.ts';
import { narrowLines, scopeHosts } from '../../../../../src/agents/haproxy/servers/scope.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

test('the scope of a call has its backends in every process, also where the host has no line, and no others', () => {
  const views = [
    backendView('app', [server('web1', { ip: '10.0.0.1' })], '/run/a'),
    backendView('app', [server('web9', { ip: '10.0.0.9' })], '/run/b'),
    backendView('static', [server('s9', { ip: '10.0.0.9' })], '/run/b'),
  ];
  const hosts = resolveHosts(['web1'], views, { map: {}, addresses: new Map(), held: [] });
  const scope = scopeHosts(hosts, views, { backends: undefined, ports: [] }, () => true);
  assert.deepEqual(
    scope.views.map(({ backend, runtime }) => [backend, runtime.name]),
    [
      ['app', '/run/a'],
      ['app', '/run/b'],
    ],
  );
});

test('the lines of a call are those of its backends and ports; without any, all of them', () => {
  const lines = linesOf([
    backendView('app', [server('web1', { port: 80 }), server('web2', { port: 81 })]),
    backendView('static', [server('s1', { port: 81 })]),
  ]);
  const names = (backends: readonly string[] | undefined, ports: readonly number[]) =>
    narrowLines(lines, { backends, ports }).map(lineName);
  assert.deepEqual(names(undefined, []), ['app/web1', 'app/web2', 'static/s1']);
  assert.deepEqual(names(undefined, [81]), ['app/web2', 'static/s1']);
  assert.deepEqual(names(['app'], []), ['app/web1', 'app/web2']);
  assert.deepEqual(names(['app'], [81]), ['app/web2']);
});
