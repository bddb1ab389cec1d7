import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nameHosts } from '../../../../../src/agents/haproxy/servers/every-host.ts';
import type { HostIdentity } from '../../../../../src/agents/haproxy/servers/host.ts';
import { lineName } from '../../../../../src/agents/haproxy/servers/line.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const views = [
  backendView('app', [
    server('web1', { ip: '10.0.0.1' }),
    server('web2', { ip: '10.0.0.2' }),
    server('local', { ip: '', address: 'unix' }),
  ]),
  backendView('static', [server('s1', { ip: '10.0.0.1', port: 82 }), server('web2', { ip: '10.0.0.9' })]),
];
type Map = Readonly<Record<string, string | readonly string[]>>;
const named = (map: Map = {}, held: readonly HostIdentity[] = [], all = views) =>
  nameHosts(all, map, held).map(({ name, lines }) => [name, lines.map(lineName)]);

describe('all hosts', () => {
  test('are grouped by address, or else by name, with the name of the first line', () => {
    assert.deepEqual(named(), [
      ['web1', ['app/web1', 'static/s1']],
      // Two hosts of one name are called by their addresses.
      ['10.0.0.2:80', ['app/web2']],
      ['local', ['app/local']],
      ['10.0.0.9:80', ['static/web2']],
    ]);
  });

  test('are distinguished by name if they have no address', () => {
    const sockets = ['a', 'b'].map((name) => server(name, { ip: '', address: 'unix' }));
    assert.deepEqual(named({}, [], [backendView('app', sockets)]), [
      ['a', ['app/a']],
      ['b', ['app/b']],
    ]);
    assert.deepEqual(named({ sock: 'a' }, [], [backendView('app', sockets)]), [
      ['sock', ['app/a']],
      ['b', ['app/b']],
    ]);
  });

  test('are named as in the map, with all lines at the addresses of the mapped ones', () => {
    const map = { dev1: 'web1', dev9: ['static/web2'], lost: 'gone' };
    assert.deepEqual(named(map), [
      ['dev1', ['app/web1', 'static/s1']],
      ['web2', ['app/web2']],
      ['local', ['app/local']],
      ['dev9', ['static/web2']],
    ]);
    assert.deepEqual(
      named({ sock: 'local' })[2],
      ['sock', ['app/local']],
      'a line without an address stands for itself',
    );
  });

  test('are named as when they were disabled if they are held, regardless of the map', () => {
    const held = { host: 'dev1', addresses: ['10.0.0.1'], fqdns: [] };
    assert.deepEqual(named({ other: 'web1' }, [held])[0], ['dev1', ['app/web1', 'static/s1']]);
    assert.equal(named({}, [{ ...held, addresses: ['10.7.7.7'] }]).length, 4, 'one without lines is not there');
    const moved = { host: 'web2', addresses: ['10.0.0.1'], fqdns: [] };
    assert.deepEqual(
      named({}, [moved]).map(([name]) => name),
      ['web2', '10.0.0.2:80', 'local', '10.0.0.9:80'],
      'a line that has its name leads to another host',
    );
    assert.deepEqual(
      named({ dev1: 'static/web2' }, [held])[0],
      ['dev1', ['app/web1', 'static/s1', 'static/web2']],
      'a name is shown once',
    );
  });

  test('are in the order of their first lines', () => {
    const map = { z: 'web1', a: 'static/web2' };
    assert.deepEqual(
      named(map, [{ host: 'h', addresses: ['10.0.0.2'], fqdns: [] }]).map(([name]) => name),
      ['z', 'h', 'local', 'a'],
    );
  });

  test('do not include the free lines of a template, unless it leads to no host at all', () => {
    const free: Partial<Server> = { ip: '', status: 'MAINT (resolution)' };
    const shown = (...lines: Partial<Server>[]) => {
      const servers = lines.map((fields, index) => server(`web${index + 1}`, fields));
      return named({}, [], [backendView('srv', servers)]).length;
    };
    const used: Partial<Server> = { ip: '10.0.0.1' };
    assert.equal(shown(used, free), 1);
    for (const taken of [{ ip: '10.0.0.3' }, { fqdn: 'dev3.net' }, { status: 'MAINT' }])
      assert.equal(shown(used, { ...free, ...taken }), 2, JSON.stringify(taken));
    const fqdn = 'web.net';
    assert.equal(
      shown({ ...used, fqdn }, { ...free, fqdn }, { ...free, fqdn }),
      1,
      'all have the name of the template',
    );
    assert.equal(shown(free, free), 2);
  });
});
