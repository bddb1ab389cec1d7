import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findLine } from '../../../../../src/agents/haproxy/servers/line.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

test('a line is found again by process, backend and name', () => {
  const line = (backend: string, name: string, socket: string) => ({
    view: backendView(backend, [], socket),
    server: server(name),
  });
  const all = [
    line('app', 'web2', '/a'),
    line('app', 'web1', '/b'),
    line('ws', 'web1', '/a'),
    line('app', 'web1', '/a'),
  ];
  assert.equal(findLine(line('app', 'web1', '/a'), all), all[3]);
  assert.equal(findLine(line('app', 'web1', '/c'), all), undefined);
});
