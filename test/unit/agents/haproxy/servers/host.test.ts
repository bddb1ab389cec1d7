import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { normalizeAddress } from '../../../../../src/agents/haproxy/servers/address.ts';
import {
  findHeldLines,
  type HostKnowledge,
  parseNames,
  resolveHosts,
} from '../../../../../src/agents/haproxy/servers/host.ts';
import { lineName, linesOf } from '../../../../../src/agents/haproxy/servers/line.ts';
import { scopeHosts } from '../../../../../src/agents/haproxy/servers/scope.ts';
import { backendView, server } from '../../../../support/agents/haproxy-server.ts';

const app = backendView('app', [
  server('web1', { ip: '10.0.0.1' }),
  server('web2', { ip: '10.0.0.2', fqdn: 'dev2.devco.net' }),
  server('both1', { ip: '10.0.0.3' }),
  server('both2', { ip: '10.0.0.3', port: 81 }),
  server('tunnel1', { ip: '127.0.0.1', port: 9001 }),
  server('tunnel2', { ip: '127.0.0.1', port: 9002 }),
  server('local', { ip: '', address: 'unix' }),
]);
const fixed = backendView('static', [server('s1', { ip: '10.0.0.1', port: 8080 }), server('web3', { ip: '10.0.0.9' })]);
const views = [app, fixed];
const nothing: HostKnowledge = { map: {}, addresses: new Map(), held: [] };
const linesFor = (name: string, known: Partial<HostKnowledge> = {}) =>
  resolveHosts([name], views, { ...nothing, ...known })[0]?.lines.map(lineName);

describe('the lines that lead to a host', () => {
  test('are found by name, and in every backend by the address of these', () => {
    assert.deepEqual(linesFor('web1'), ['app/web1', 'static/s1']);
    assert.deepEqual(linesFor('s1'), ['app/web1', 'static/s1']);
    assert.deepEqual(linesFor('dev2.devco.net'), ['app/web2']);
    assert.deepEqual(linesFor('local'), ['app/local']);
  });

  test('are found by address, and only with its port where one is given', () => {
    assert.deepEqual(linesFor('10.0.0.3'), ['app/both1', 'app/both2']);
    assert.deepEqual(linesFor('10.0.0.3:81'), ['app/both2']);
    assert.deepEqual(linesFor('dev9', { addresses: new Map([['dev9', ['fe80::1', '10.0.0.1']]]) }), [
      'app/web1',
      'static/s1',
    ]);
  });

  test('are found by the map, of any backend or of one', () => {
    const map = { dev1: 'web1', dev3: ['app/both1', 'static/web3'], lost: 'gone', web2: 'web2' };
    assert.deepEqual(linesFor('dev1', { map }), ['app/web1', 'static/s1']);
    assert.deepEqual(linesFor('dev3', { map }), ['app/both1', 'app/both2', 'static/web3']);
    assert.deepEqual(linesFor('lost', { map }), []);
    assert.deepEqual(linesFor('constructor', { map }), []);
  });

  test('through a tunnel or to a gateway are those of one port, or the mapped ones', () => {
    assert.deepEqual(linesFor('tunnel1'), ['app/tunnel1']);
    assert.deepEqual(linesFor('127.0.0.1'), []);
    const map = { dev3: 'both1', dev4: 'both2' };
    assert.deepEqual(linesFor('dev3', { map }), ['app/both1']);
    assert.deepEqual(linesFor('dev4', { map }), ['app/both2']);
  });

  test('of a host that is held out are those at its addresses, whatever their names are now', () => {
    const held = { host: 'web2', addresses: ['10.0.0.1'], fqdns: [] };
    assert.deepEqual(linesFor('web2', { held: [held] }), ['app/web1', 'static/s1']);
    assert.deepEqual(findHeldLines({ ...held, addresses: ['10.0.0.77'] }, linesOf(views)), []);
    const byName = findHeldLines({ ...held, addresses: [] }, linesOf(views));
    assert.deepEqual(byName.map(lineName), ['app/web2']);
    const byFqdn = findHeldLines({ host: 'x', addresses: ['10.9.9.9'], fqdns: ['dev2.devco.net'] }, linesOf(views));
    assert.deepEqual(byFqdn.map(lineName), ['app/web2']);
  });
});

describe('refused', () => {
  const refused = (names: string[], known: Partial<HostKnowledge>, code: string, message: RegExp) =>
    assert.throws(() => resolveHosts(names, views, { ...nothing, ...known }), { code, message });

  test('two hosts with one line', () => {
    refused(['web1', '10.0.0.1'], {}, 'ambiguous-server', /^web1 and 10.0.0.1 both lead to app\/web1 \(10.0.0.1:80\)/);
    refused(['a', 'b'], { map: { a: 'web1', b: 'web1' } }, 'ambiguous-server', /^a and b both lead/);
  });

  test('a map to the line of another host, known by name, by a name server or from before', () => {
    refused(['web1'], { map: { web1: 'web2' } }, 'bad-map', /line app\/web2 .*, and web1 is app\/web1/);
    const seen = new Map([['dev2', ['10.0.0.2']]]);
    refused(
      ['dev1'],
      { map: { dev1: 'web2' }, addresses: new Map([...seen, ['dev1', ['10.0.0.1']]]) },
      'bad-map',
      /the address of dev2/,
    );
  });

  test('invalid names', () => {
    assert.deepEqual(parseNames('a,b,a'), ['a', 'b']);
    for (const bad of ['', 'a,', ',a', 'a b', 'a;b', 'a\nb', 'a/b', '@1', 'a'.repeat(256)]) {
      assert.throws(() => parseNames(bad), { code: 'bad-name' }, JSON.stringify(bad));
    }
  });
});

describe('narrowing', () => {
  const hosts = resolveHosts(['web1', '10.0.0.3'], views, nothing);

  test('defaults to every backend that leads to a host', () => {
    const { backends } = scopeHosts(hosts.slice(0, 1), views, { backends: undefined, ports: [] });
    assert.deepEqual(backends, ['app', 'static']);
  });

  test('to backends and ports keeps what still leads to the host apart', () => {
    const scope = scopeHosts(hosts, views, { backends: ['app'], ports: [80] });
    assert.deepEqual(
      scope.hosts.map(({ chosen, elsewhere }) => [chosen.map(lineName), elsewhere.map(lineName)]),
      [
        [['app/web1'], ['static/s1']],
        [['app/both1'], ['app/both2']],
      ],
    );
  });

  test('skips a process that has none of the backends, and no other', () => {
    const other = backendView('other', [server('x', { ip: '10.1.1.1' })], '/run/other.sock');
    scopeHosts(hosts, [...views, other], { backends: undefined, ports: [] });
    const half = backendView('app', [server('web1', { ip: '10.0.0.1' })], '/run/half.sock');
    const all = resolveHosts(['web1', '10.0.0.3'], [...views, half], nothing);
    assert.throws(() => scopeHosts(all, [...views, half], { backends: undefined, ports: [] }), {
      code: 'unknown-server',
      message: /“app” at \/run\/half.sock leads to 10.0.0.3$/,
    });
  });

  test('includes the lines that track, and their own trackers', () => {
    const ws = backendView('ws', [server('web1', { ip: '10.0.0.1', tracked: 'app/web1' })]);
    const log = backendView('log', [server('other', { ip: '10.7.7.7', tracked: 'ws/web1' })]);
    const all = [app, ws, log];
    const [host] = scopeHosts(resolveHosts(['web1'], all, nothing), all, { backends: ['app'], ports: [] }).hosts;
    assert.deepEqual(host?.followers.map(lineName), ['ws/web1', 'log/other']);
  });
});

test('addresses are compared in one form', () => {
  assert.equal(normalizeAddress('2001:DB8:0::6'), '2001:db8::6');
  assert.equal(normalizeAddress('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(normalizeAddress('fe80::1%eth0'), 'fe80::1%eth0');
  assert.equal(normalizeAddress('10.0.0.1'), '10.0.0.1');
});
