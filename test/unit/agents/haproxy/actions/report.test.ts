import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatHost, reportHost } from '../../../../../src/agents/haproxy/actions/report.ts';
import { haveAgentChecks, type ScopedHost } from '../../../../../src/agents/haproxy/servers/scope.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

describe('a host in messages and reports', () => {
  const host = (name: string, names: readonly string[], elsewhere: readonly Partial<Server>[] = []): ScopedHost => {
    const lines = (some: readonly ReturnType<typeof server>[]) =>
      some.map((own) => ({ view: backendView('app', []), server: own }));
    return {
      ...{
        name,
        lines: [],
        followers: lines([server('f1'), server('f1')]),
        chosen: lines(names.map((one) => server(one))),
      },
      elsewhere: lines(elsewhere.map((fields, at) => server(`e${at}`, fields))),
    };
  };

  test('is shown with its lines if these have other names, or there are several', () => {
    assert.equal(formatHost(host('web1', ['web1'])), 'web1');
    assert.equal(formatHost(host('web1', ['web1', 'web1'])), 'web1');
    assert.equal(formatHost(host('dev1', ['web1'])), 'dev1 (app/web1)');
    const [line] = host('web1', ['web1']).chosen;
    const twice = line && [line, { ...line, view: { ...line.view, backend: 'static' } }];
    assert.equal(formatHost({ ...host('web1', []), chosen: twice ?? [] }), 'web1 (app/web1, static/web1)');
    assert.equal(formatHost(host('web1', ['web1', 'web2'])), 'web1 (app/web1, app/web2)');
  });

  test('may have agent-checks if any line of any host has one', () => {
    const agent = { configured: true, enabled: false, asking: false, status: '', words: '', health: 1 };
    const plain = host('dev1', ['web1']);
    const withAgent = { ...plain, chosen: plain.chosen.map(({ view }) => ({ view, server: server('w', { agent }) })) };
    assert.deepEqual([[plain], [plain, withAgent], [withAgent, plain], []].map(haveAgentChecks), [
      false,
      true,
      true,
      false,
    ]);
  });

  test('has each line once, and of the others only those that take traffic', () => {
    assert.deepEqual(reportHost(host('dev1', ['web1', 'web1'], [{}, { admin: 1 }])), {
      ...{ name: 'dev1', lines: ['app/web1', 'app/f1'], still_serving: ['app/e0'] },
    });
  });
});
