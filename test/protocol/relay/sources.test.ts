import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import type { Finding } from '../../../src/core/finding.ts';
import { loadNodeConfig } from '../../../src/daemon/config/config.ts';
import { checkRelay } from '../../../src/daemon/doctor/relay.ts';
import { startDnsServer } from '../../support/discovery/servers/dns-server.ts';
import { startFakeConsul } from '../../support/discovery/servers/fake-consul.ts';
import { startJsonServer } from '../../support/discovery/servers/json-server.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHomeWith, relayLine, startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';
import { until } from '../../support/until.ts';

describe('a relay whose peers come from a source', () => {
  let fleet: Fleet;
  const nodes: TestNode[] = [];

  before(async () => {
    fleet = await makeFleet();
    // PuppetDB names a node that the network must resolve.
    for (const name of ['dev1.devco.net', 'dev2.devco.net', 'localhost']) {
      nodes.push(await startTestNode(fleet, { name, agents: testAgents }));
    }
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const listed = () => nodes.slice(0, 2);
  let relays = 0;
  /** Starts a relay without a list and calls the nodes over it, until all of these are found. */
  const callsOver = async (sources: object, expected: readonly string[]): Promise<void> => {
    const name = `relay${++relays}.devco.net`;
    const settings = `socket: false, refresh: 1, sources: ${JSON.stringify(sources)}`;
    await using relay = await startRelayNode(fleet, name, [], { settings });
    const home = join(fleet.dir, `home-${name}`);
    await makeHomeWith(fleet, home, relayLine([relay]));
    await until('all of them are called', async () => {
      const { out } = await runInProcess(['rpc', 'rpcutil', 'ping', '--json'], home);
      const called = JSON.parse(out.join('\n') || '[]') as { node: string; outcome: string }[];
      const ok = called.filter(({ outcome }) => outcome === 'ok').map(({ node }) => node);
      return JSON.stringify(ok) === JSON.stringify([...expected, name]);
    });
  };

  test('calls the nodes that DNS lists', async () => {
    const places = listed().map(({ name, daemon }) => [name, `127.0.0.1:${daemon.port}`] as const);
    await using server = await startDnsServer('devco.net', Object.fromEntries(places));
    await callsOver(
      { dns: { domain: 'devco.net', server: server.address } },
      listed().map(({ name }) => name),
    );
  });

  test('calls the nodes that a database lists', async () => {
    const file = join(fleet.dir, 'inventory.sqlite');
    const database = new DatabaseSync(file);
    database.exec('create table hosts (name text, address text, port integer)');
    const insert = database.prepare('insert into hosts values (?, ?, ?)');
    for (const { name, daemon } of listed()) insert.run(name, '127.0.0.1', daemon.port);
    database.close();
    await callsOver(
      { sql: { url: `sqlite:${file}`, query: 'select name, address, port from hosts' } },
      listed().map(({ name }) => name),
    );
  });

  test('calls the nodes that Consul lists', async () => {
    await using consul = await startFakeConsul({ token: undefined });
    for (const { name, daemon } of listed()) {
      consul.register({ Node: name, Address: '127.0.0.1', ServicePort: daemon.port });
    }
    await callsOver(
      { consul: { url: consul.url } },
      listed().map(({ name }) => name),
    );
  });

  test('calls the nodes that PuppetDB lists', async () => {
    await using server = await startJsonServer([{ certname: 'localhost' }]);
    await callsOver({ puppetdb: { url: server.url, port: nodes[2]?.daemon.port } }, ['localhost']);
  });
});

describe('doctor on a relay', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());

  const check = async (settings: object): Promise<readonly Finding[]> => {
    const directory = join(fleet.dir, 'node');
    await rm(directory, { recursive: true, force: true });
    await mkdir(join(directory, 'policies'), { recursive: true });
    await writeFile(join(directory, 'policies/relay.policy'), 'policy default deny\n');
    await writeFile(join(directory, 'node.yaml'), JSON.stringify({ relay: settings }));
    return await checkRelay(await loadNodeConfig(join(directory, 'node.yaml'), testAgents), undefined);
  };
  const fixes = async (settings: object) => (await check(settings)).map(({ fix }) => fix);

  test('names the settings in node.yaml for a source that lists nobody or cannot be asked', async () => {
    await using empty = await startJsonServer([]);
    await using failing = await startJsonServer('out of order', 500);
    const file = join(fleet.dir, 'empty.sqlite');
    const database = new DatabaseSync(file);
    database.exec('create table hosts (name text)');
    database.close();
    const sql = (query: string) => ({ url: `sqlite:${file}`, query });
    assert.deepEqual(await fixes({ sources: { puppetdb: { url: empty.url } } }), [
      'check its settings: relay.sources.puppetdb in node.yaml',
    ]);
    assert.deepEqual(await fixes({ sources: { consul: { url: failing.url } } }), [
      'check relay.sources.consul in node.yaml, and whether the server is up',
    ]);
    assert.deepEqual(await fixes({ sources: { sql: sql('select name from hosts') } }), [
      'check its settings: relay.sources.sql in node.yaml',
    ]);
    assert.deepEqual(await fixes({ sources: { sql: sql('select nothing from hosts') } }), [
      'check relay.sources.sql in node.yaml',
    ]);
    assert.deepEqual(await fixes({ sources: { exec: { command: ['/bin/false'] } } }), [
      'run it by hand; it is relay.sources.exec.command in node.yaml',
    ]);
    assert.deepEqual(await fixes({ nodes: join(fleet.dir, 'absent.yaml') }), [
      'name another file with relay.nodes in node.yaml',
    ]);
  });
});
