import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BackendView } from '../../../../../src/agents/haproxy/servers/backend.ts';
import { countAvailable, guardCapacity } from '../../../../../src/agents/haproxy/servers/capacity.ts';
import { matchServer, parseNames, resolveServers } from '../../../../../src/agents/haproxy/servers/names.ts';
import { adminStateOf, inRotation, type Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { Problem } from '../../../../../src/core/errors.ts';

const server = (name: string, fields: Partial<Server> = {}): Server => ({
  name,
  ip: '',
  address: '',
  fqdn: '',
  status: 'UP',
  check: '',
  sessions: 0,
  weight: 1,
  initialWeight: 1,
  backup: false,
  checked: true,
  health: 2,
  top: 2,
  operational: 2,
  admin: 0,
  ...fields,
});

const view = (...servers: Server[]): BackendView => ({
  runtime: { name: '/run/haproxy.sock', ask: async () => '' },
  backend: 'app',
  servers,
});

const hasCode = (code: string) => (problem: unknown) => problem instanceof Problem && problem.code === code;

describe('whether a server takes traffic', () => {
  const cases: [string, Partial<Server>, boolean][] = [
    ['running', {}, true],
    ['starting slowly', { operational: 1 }, true],
    ['down', { operational: 0 }, false],
    ['stopping', { operational: 3 }, false],
    ['weight 0', { weight: 0 }, false],
    ['forced maintenance', { admin: 0x01 }, false],
    ['maintenance of the server it tracks', { admin: 0x02 }, false],
    ['once disabled by the configuration, ready since', { admin: 0x04 }, true],
    ['forced drain', { admin: 0x08 }, false],
    ['inherited drain', { admin: 0x10 }, false],
    ['a host name that does not resolve', { admin: 0x20 }, false],
  ];
  for (const [what, fields, expected] of cases) {
    test(`${what}: ${expected}`, () => assert.equal(inRotation(server('web1', fields)), expected));
  }

  test('the state to put back is the one that was set by command', () => {
    const states = [0x00, 0x01, 0x05, 0x08, 0x0c, 0x02].map((admin) => adminStateOf(server('web1', { admin })));
    assert.deepEqual(states, ['ready', 'maint', 'maint', 'drain', 'drain', 'ready']);
  });
});

describe('capacity', () => {
  const one = view(server('a'), server('b'), server('c', { operational: 0 }), server('s', { backup: true }));

  test('counts what serves, on the socket that has the fewest, without backups', () => {
    assert.equal(countAvailable([one]), 2);
    assert.equal(countAvailable([one, view(server('a'), server('b', { admin: 1 }))]), 1);
  });

  test('taking out what serves nothing is allowed even when too few are left', () => {
    assert.equal(guardCapacity([one], new Set(['c']), 5), 2);
    assert.throws(() => guardCapacity([one], new Set(['a']), 2), hasCode('too-few-servers'));
    assert.equal(guardCapacity([one], new Set(['a']), 1), 1);
  });
});

describe('names', () => {
  const servers = [
    server('web1', { ip: '10.0.0.1', address: '10.0.0.1:80' }),
    server('web2', { ip: '10.0.0.2', address: '10.0.0.2:80', fqdn: 'dev2.devco.net' }),
    server('both1', { ip: '10.0.0.3', address: '10.0.0.3:80' }),
    server('both2', { ip: '10.0.0.3', address: '10.0.0.3:81' }),
  ];

  test('are matched by name, then the map, then host name or address', () => {
    const map = { 'dev1.devco.net': 'web1', web2: 'web1', lost: 'gone' };
    const found = (name: string) => matchServer(name, servers, map)?.name;
    assert.equal(found('web2'), 'web2', 'a server’s own name goes before the map');
    assert.equal(found('dev1.devco.net'), 'web1');
    assert.equal(found('dev2.devco.net'), 'web2');
    assert.equal(found('10.0.0.1'), 'web1');
    assert.equal(found('10.0.0.3:81'), 'both2');
    assert.equal(found('10.0.0.3'), undefined, 'two servers have it');
    assert.equal(found('lost'), undefined);
    assert.equal(found('constructor'), undefined);
    assert.equal(matchServer('dev9', servers, map, new Map([['dev9', ['fe80::1', '10.0.0.1']]]))?.name, 'web1');
  });

  test('two names for one server are one', async () => {
    const targets = await resolveServers(['10.0.0.1', 'web1'], [view(...servers)], {});
    assert.deepEqual(targets, [{ name: '10.0.0.1', server: 'web1' }]);
  });

  test('all unknown ones are told at once, also when only one socket does not know them', async () => {
    const views = [view(...servers), view(...servers.slice(0, 1))];
    await assert.rejects(resolveServers(['web1', 'web2', 'web9'], views, {}), (problem) => {
      assert.ok(problem instanceof Problem && problem.code === 'unknown-server');
      assert.match(problem.message, /no server web2, web9$/);
      return true;
    });
  });

  test('are only names', () => {
    assert.deepEqual(parseNames('a,b,a'), ['a', 'b']);
    for (const bad of ['', 'a,', ',a', 'a b', 'a;b', 'a\nb', 'a/b', '@1', 'a'.repeat(256)]) {
      assert.throws(() => parseNames(bad), hasCode('bad-name'), JSON.stringify(bad));
    }
  });
});
