import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { normalizeAddress } from '../../../../../src/agents/haproxy/servers/address.ts';
import {
  findHeldLines,
  type HostKnowledge,
  identityOf,
  parseNames,
  resolveHosts,
} from '../../../../../src/agents/haproxy/servers/host.ts';
import { lineName, linesOf } from '../../../../../src/agents/haproxy/servers/line.ts';
import { scopeHosts } from '../../../../../src/agents/haproxy/servers/scope.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

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

describe('the lines of a host', () => {
  test('are found by name, and in every backend by their addresses', () => {
    assert.deepEqual(linesFor('web1'), ['app/web1', 'static/s1']);
    assert.deepEqual(linesFor('s1'), ['app/web1', 'static/s1']);
    assert.deepEqual(linesFor('dev2.devco.net'), ['app/web2']);
    assert.deepEqual(linesFor('local'), ['app/local']);
  });

  test('are found by address, and only with its port if one is given', () => {
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

  test('are those of one port, or the mapped ones, behind a tunnel or a gateway', () => {
    assert.deepEqual(linesFor('tunnel1'), ['app/tunnel1']);
    assert.deepEqual(linesFor('127.0.0.1'), []);
    const map = { dev3: 'both1', dev4: 'both2' };
    assert.deepEqual(linesFor('dev3', { map }), ['app/both1']);
    assert.deepEqual(linesFor('dev4', { map }), ['app/both2']);
    assert.deepEqual(linesFor('10.0.0.3', { map }), ['app/both1', 'app/both2'], 'an address is all that is there');
  });

  test('are not those of the load balancer’s own addresses, even if a name resolves to them', () => {
    const bare = [...views, backendView('bare', [server('x', { ip: '127.0.0.1', address: '127.0.0.1' })])];
    const known = { ...nothing, addresses: new Map([['dev9', ['127.0.0.1', '10.0.0.2']]]) };
    const found = (name: string) => resolveHosts([name], bare, known)[0]?.lines.map(lineName);
    assert.deepEqual(found('dev9'), ['app/web2']);
    const literal = backendView('bare', [
      server('x', { ip: '::1', address: '::1' }),
      server('::1', { ip: '10.0.0.5' }),
    ]);
    assert.deepEqual(resolveHosts(['::1'], [literal], nothing)[0]?.lines.map(lineName), ['bare/x']);
  });

  test('are found by an address in any form', () => {
    assert.deepEqual(linesFor('::ffff:10.0.0.2'), ['app/web2']);
    const six = backendView('six', [server('a', { ip: '2001:db8::6', address: '[2001:db8::6]:80' })]);
    assert.deepEqual(resolveHosts(['2001:DB8:0::6'], [six], nothing)[0]?.lines.map(lineName), ['six/a']);
  });

  test('are those at its addresses for a host that is held out, whatever their current names', () => {
    const held = { host: 'web2', addresses: ['10.0.0.1'], fqdns: [] };
    assert.deepEqual(linesFor('web2', { held: [held] }), ['app/web1', 'static/s1']);
    assert.deepEqual(findHeldLines({ ...held, addresses: ['10.0.0.77'] }, linesOf(views)), []);
    const byName = findHeldLines({ ...held, addresses: [] }, linesOf(views));
    assert.deepEqual(byName.map(lineName), ['app/web2']);
    const byFqdn = findHeldLines({ host: 'x', addresses: ['10.9.9.9'], fqdns: ['dev2.devco.net'] }, linesOf(views));
    assert.deepEqual(byFqdn.map(lineName), ['app/web2']);
    const byFqdnAlone = findHeldLines({ host: 'web1', addresses: [], fqdns: ['dev2.devco.net'] }, linesOf(views));
    assert.deepEqual(byFqdnAlone.map(lineName), ['app/web2']);
  });

  test('are not all lines of a name that HAProxy resolves to several hosts', () => {
    const fqdn = 'web.devco.net';
    const held = { host: 'dev1', addresses: ['10.0.0.1'], fqdns: [fqdn] };
    const linesOfName = (...servers: { ip?: string; port?: number }[]) => {
      const view = backendView(
        'slots',
        servers.map((one, index) => server(`s${index + 1}`, { ip: '', address: '', fqdn, ...one })),
      );
      const lines = linesOf([view]);
      const [first] = lines;
      const own = first && identityOf({ name: 'dev1', lines: [first] });
      return [findHeldLines(held, lines).map(({ server: { name } }) => name), own?.fqdns];
    };
    const [one, two] = [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }];
    assert.deepEqual(linesOfName(one, two), [['s1'], []]);
    assert.deepEqual(linesOfName(one, {}), [['s1'], []], 'another host may get the second line');
    assert.deepEqual(linesOfName(one, { ...two, port: 81 }), [['s1'], []]);
    assert.deepEqual(linesOfName(one, { ...one, port: 81 }), [['s1', 's2'], [fqdn]], 'two ports of one host');
    assert.deepEqual(linesOfName({ ip: '10.0.0.9' }), [['s1'], [fqdn]], 'it has moved');
  });

  test('are those that led to a held host last, as long as they lead to none and it has no other there', () => {
    const held = {
      host: 'dev1',
      addresses: ['10.0.0.1'],
      fqdns: [],
      lines: [{ socket: '/run/haproxy.sock', backend: 'slots', server: 's1' }],
    };
    const vacant = { ip: '', admin: 0x20 };
    const found = (s1: object, s2: object, changes = {}) =>
      findHeldLines({ ...held, ...changes }, linesOf([backendView('slots', [server('s1', s1), server('s2', s2)])])).map(
        lineName,
      );
    assert.deepEqual(found(vacant, vacant), ['slots/s1']);
    assert.deepEqual(found(vacant, { ip: '10.0.0.1' }), ['slots/s2']);
    assert.deepEqual(found({ ip: '10.0.0.9' }, vacant), []);
    assert.deepEqual(found({ ip: '' }, vacant), ['slots/s1'], 'a unix socket');
    assert.deepEqual(found({ ip: '' }, { ip: '10.0.0.1' }), ['slots/s1', 'slots/s2'], 'beside another line');
    assert.deepEqual(found(vacant, { ip: '' }), ['slots/s1'], 'another line to a unix socket');
    for (const change of [{ socket: '/run/other.sock' }, { backend: 'other' }, { server: 's3' }])
      assert.deepEqual(found(vacant, vacant, { lines: held.lines.map((one) => ({ ...one, ...change })) }), []);
    assert.deepEqual(found(vacant, vacant, { lines: undefined }), []);
  });

  test('are its only line for a host that is held out, and those of its name if none is left at its addresses', () => {
    const held = (address: string) => [{ host: 'web1', addresses: [address], fqdns: [] }];
    assert.deepEqual(linesFor('web1', { held: held('10.0.0.2') }), ['app/web2']);
    assert.deepEqual(linesFor('web1', { held: held('10.0.0.77') }), ['app/web1', 'static/s1']);
  });
});

describe('finding the lines of a host', () => {
  const refused = (names: string[], known: Partial<HostKnowledge>, code: string, message: RegExp) =>
    assert.throws(() => resolveHosts(names, views, { ...nothing, ...known }), { code, message });

  test('refuses two hosts with one line', () => {
    refused(['web1', '10.0.0.1'], {}, 'ambiguous-server', /^web1 and 10.0.0.1 both lead to app\/web1 \(10.0.0.1:80\)/);
    refused(['a', 'b'], { map: { a: 'web1', b: 'web1' } }, 'ambiguous-server', /^a and b both lead/);
  });

  test('refuses a map to the line of another host, known by name, by a name server or from before', () => {
    refused(['web1'], { map: { web1: 'web2' } }, 'bad-map', /line app\/web2 .*, and web1 is app\/web1/);
    const seen = new Map([['dev2', ['10.0.0.2']]]);
    refused(
      ['dev1'],
      { map: { dev1: 'web2' }, addresses: new Map([...seen, ['dev1', ['10.0.0.1']]]) },
      'bad-map',
      /the address of dev2/,
    );
  });

  test('accepts a map whose lines belong to the host or cannot be checked', () => {
    const addresses = new Map([
      ['dev1', ['10.0.0.1']],
      ['dev2', ['10.0.0.2']],
    ]);
    for (const [name, map, lines] of [
      ['dev1', { dev1: 'web1' }, ['app/web1', 'static/s1']],
      // No address to compare with: a unix socket, and a host of which no address is known.
      ['dev1', { dev1: 'local' }, ['app/web1', 'app/local', 'static/s1']],
      ['dev7', { dev7: 'both1' }, ['app/both1', 'app/both2']],
      ['dev7', { dev7: 'web2' }, ['app/web2']],
      // It lists both lines itself.
      ['web1', { web1: ['web1', 'static/web3'] }, ['app/web1', 'static/s1', 'static/web3']],
    ] as const)
      assert.deepEqual(linesFor(name, { map, addresses }), lines, JSON.stringify(map));
    const elsewhere = new Map([['dev1', ['10.8.8.8']]]);
    assert.deepEqual(linesFor('dev1', { map: { dev1: 'static/web3' }, addresses: elsewhere }), ['static/web3']);
  });

  test('refuses a map to a line at another address than the host’s, and reports what is known of both', () => {
    const map = { dev1: 'web2' };
    const message = (addresses: [string, string[]][]) => {
      try {
        linesFor('dev1', { map, addresses: new Map(addresses) });
        return '';
      } catch (problem) {
        return (problem as Error).message;
      }
    };
    const line = 'the map gives dev1 the line app/web2 (10.0.0.2:80)';
    assert.equal(message([['dev1', ['10.0.0.9']]]), `${line}, and dev1 is static/web3 (10.0.0.9:80)`);
    assert.equal(
      message([
        ['dev3', ['10.0.0.3']],
        ['dev1', ['10.8.8.8']],
        ['dev2', ['10.0.0.2']],
      ]),
      `${line}, the address of dev2`,
    );
    assert.equal(message([['dev1', ['10.8.8.8']]]), '', 'nobody else has that address, and no line has its own');
  });

  test('refuses invalid names', () => {
    assert.deepEqual(parseNames('a,b,a'), ['a', 'b']);
    assert.deepEqual(parseNames('a'.repeat(255)), ['a'.repeat(255)]);
    assert.throws(() => parseNames(`,${'b'.repeat(200)}`), {
      message: `“,${'b'.repeat(99)}” is not a list of names, separated by commas`,
    });
    for (const bad of ['', 'a,', ',a', 'a b', 'a;b', 'a\nb', 'a/b', '@1', 'a'.repeat(256)]) {
      assert.throws(() => parseNames(bad), { code: 'bad-name' }, JSON.stringify(bad));
    }
  });
});

describe('limiting a call to backends and ports', () => {
  const hosts = resolveHosts(['web1', '10.0.0.3'], views, nothing);

  test('defaults to every backend that has a line of a host', () => {
    const { backends } = scopeHosts(hosts.slice(0, 1), views, { backends: undefined, ports: [] });
    assert.deepEqual(backends, ['app', 'static']);
  });

  test('reports lines outside the selected backends and ports separately', () => {
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

  test('selects for a port the backends that have a line with it', () => {
    const { backends, hosts: found } = scopeHosts(hosts.slice(0, 1), views, { backends: undefined, ports: [8080] });
    assert.deepEqual([backends, found[0]?.chosen.map(lineName)], [['static'], ['static/s1']]);
  });

  test('refuses an unknown backend and suggests the closest name', () => {
    assert.throws(() => scopeHosts(hosts, views, { backends: ['app', 'stati', 'other'], ports: [] }), {
      code: 'unknown-backend',
      message: 'HAProxy has no backend “stati”, “other”',
      hint: 'did you mean “static”?',
    });
  });

  test('names the hosts without a line, where, at which ports, and the nearest server', () => {
    const none = (names: string[], backends: string[] | undefined, ports: number[]) => () =>
      scopeHosts(resolveHosts(names, views, nothing), views, { backends, ports });
    const hint = /^did you mean “web[123]”\?; “servers” in the agent’s configuration maps nodes to servers$/;
    for (const [refused, message] of [
      [none(['web7'], undefined, []), 'no line of HAProxy leads to web7'],
      [none(['web7', 'nosuch'], undefined, []), 'no line of HAProxy leads to web7, nosuch'],
      [none(['web7'], ['app'], []), 'no line of the backend “app” at /run/haproxy.sock leads to web7'],
      [
        none(['web2', 'web1'], undefined, [8080, 81]),
        'no line of the backend “static” at /run/haproxy.sock leads to web2 at port 8080, 81',
      ],
      [
        none(['web7'], ['app', 'static'], []),
        'no line of the backends “app”, “static” at /run/haproxy.sock leads to web7',
      ],
    ] as const)
      assert.throws(refused, { code: 'unknown-server', message, hint });
  });

  test('skips absent hosts if a call may know only some', () => {
    const all = resolveHosts(['web1', 'web7'], views, nothing);
    const scope = scopeHosts(all, views, { backends: undefined, ports: [] }, () => true);
    assert.deepEqual(
      scope.hosts.map(({ chosen }) => chosen.length),
      [2, 0],
    );
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
