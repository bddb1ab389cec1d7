import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadClientConfig } from '../../../src/library/config/config.ts';
import { doctorClient } from '../../../src/client/doctor/client.ts';
import { checkRelays } from '../../../src/client/doctor/relays.ts';
import { doubtful, fine } from '../../../src/core/finding.ts';
import type { RelayService } from '../../../src/core/ports.ts';
import { loadNodeConfig } from '../../../src/daemon/config/config.ts';
import { checkRelay } from '../../../src/daemon/doctor/relay.ts';
import { connectionsTo } from '../../support/connections-to.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { quietContext } from '../../support/program/quiet-context.ts';
import { until } from '../../support/until.ts';
import { startLocalRelay } from '../../support/relay/local-relay.ts';
import { makeHomeWith, relayLine, startRelayNode, testAgents } from '../../support/relay/relay-fleet.ts';
import { placeOf } from '../../support/program/home.ts';

const names = (out: readonly string[]) => (JSON.parse(out.join('\n')) as { node: string }[]).map(({ node }) => node);

let fleet: Fleet;
let relay: TestNode;
let home: string;
const nodes: TestNode[] = [];

before(async () => {
  fleet = await makeFleet();
  home = join(fleet.dir, 'home');
  for (const name of ['dev1.devco.net', 'dev2.devco.net']) {
    nodes.push(await startTestNode(fleet, { name, agents: testAgents }));
  }
  relay = await startRelayNode(fleet, 'bastion.devco.net', nodes);
  await makeHomeWith(fleet, home, relayLine([relay]));
});
after(async () => {
  await relay[Symbol.asyncDispose]();
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await fleet.remove();
});

describe('nodes behind a relay', () => {
  test('are found by ping, each with its path, and the relay is one of the nodes', async () => {
    const { code, out, err } = await runInProcess(['ping', '-v'], home);
    assert.deepEqual([code, err], [0, []], err.join('\n'));
    assert.deepEqual(
      out.slice(0, 3).map((line) => line.replace(/ +time=[0-9.]+ ms/, '')),
      ['bastion.devco.net', 'dev1.devco.net', 'dev2.devco.net'].map((name) => `${name} via bastion.devco.net`),
    );
  });

  test('are not looked for at a node that does not relay, which is said in words', async () => {
    const { code, err } = await runInProcess(
      ['ping', '--via', `dev1.devco.net=127.0.0.1:${nodes[0]?.daemon.port}`],
      home,
    );
    assert.equal(code, 69);
    assert.match(
      err.at(-1) ?? '',
      /no relay can be used: dev1\.devco\.net does not relay: its node\.yaml has no “relay”: /,
    );
  });

  test('are called, and each record names the relay that brought the request', async () => {
    const { code, out } = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev2.devco.net', '--json'], home);
    assert.equal(code, 0);
    assert.deepEqual(names(out), ['dev2.devco.net']);
    const intent = (await nodes[1]?.records())?.findLast((record) => record.kind === 'intent');
    assert.ok(intent?.kind === 'intent');
    assert.deepEqual(
      [intent.caller, intent.relay, intent.verdict],
      ['cert=rip@devco.net', 'bastion.devco.net', 'verified'],
    );
  });

  test('are reached by the relay that --via names, with its address, and otherwise not at all', async () => {
    const bare = join(fleet.dir, 'bare');
    await makeHomeWith(fleet, bare, 'discovery: { method: file, file: nodes.json }');
    await writeFile(join(bare, '.config/mco-deploy/nodes.json'), JSON.stringify(['dev1.devco.net']));
    const via = ['--via', `${relay.name}=127.0.0.1:${relay.daemon.port}`];
    const over = await runInProcess(['rpc', 'rpcutil', 'ping', '--json', ...via], bare);
    assert.deepEqual([over.code, names(over.out)], [0, ['dev1.devco.net']]);
    const both = await runInProcess(['ping', '--via', 'direct', ...via], bare);
    assert.equal(both.code, 64);
  });

  test('are not reached over a relay that does not reply: the command reports it and ends', async () => {
    const lost = join(fleet.dir, 'lost');
    await makeHomeWith(fleet, lost, 'relays: [{ name: gone.devco.net, address: "127.0.0.1:9" }]\ntimeout: 2');
    const { code, err } = await runInProcess(['ping'], lost);
    assert.equal(code, 69);
    assert.match(err.join('\n'), /no relay can be used: gone\.devco\.net/);
  });

  test('are found over one of several relays if another does not reply, with a warning', async () => {
    const some = join(fleet.dir, 'some');
    const lines = relayLine([relay]).replace(']', ', { name: gone.devco.net, address: "127.0.0.1:9" }]');
    await makeHomeWith(fleet, some, `${lines}\ntimeout: 2`);
    const { code, err, out } = await runInProcess(['ping', '--json'], some);
    assert.equal(code, 0, err.join('\n'));
    assert.match(err.join('\n'), /the relay gone\.devco\.net is not used/);
    assert.equal((JSON.parse(out.join('\n')) as { nodes: unknown[] }).nodes.length, 3);
  });

  test('are counted by doctor, on the client and on the relay', async () => {
    const config = await loadClientConfig(join(home, '.config/mco-deploy/client.yaml'), { HOME: home });
    const { credentials } = await fleet.operator('rip@devco.net');
    const client = await checkRelays(config, { credentials, trust: fleet.trust });
    assert.deepEqual(client, [fine('relay', 'bastion.devco.net answers and has connections to 3 nodes')]);
    const gone = { ...config, relays: [{ name: 'gone.devco.net', address: '127.0.0.1:9' }] };
    const [broken] = await checkRelays(gone, { credentials, trust: fleet.trust });
    assert.equal(broken?.status, 'broken');

    const node = await loadNodeConfig(join(relay.directory, 'node.yaml'), testAgents);
    const own = await checkRelay(node, undefined);
    assert.deepEqual(
      own.map(({ status, what }) => [status, what.replace(/^.* lists/, 'lists')]),
      [['ok', 'lists 2 peers']],
    );
  });

  test('are counted by doctor over a relay without the role too, with a warning, and doctor closes what it opened', async () => {
    const config = 'relay: { socket: false }\n';
    await using claims = await startTestNode(fleet, { name: 'claims.devco.net', agents: testAgents, config });
    const own = join(fleet.dir, 'without-role');
    await makeHomeWith(fleet, own, relayLine([claims]));
    const file = join(own, '.config/mco-deploy/client.yaml');
    const { credentials } = await fleet.operator('rip@devco.net');
    const isClosed = () => connectionsTo(claims.daemon.port) === 0;
    const found = await checkRelays(await loadClientConfig(file, { HOME: own }), { credentials, trust: fleet.trust });
    const role = 'claims.devco.net: its certificate does not let it relay: it does so because client.yaml names it';
    assert.deepEqual(found.slice(1), [doubtful('relay', role, 'issue it with --relay')]);
    assert.equal(found[0]?.status, 'ok');
    await until('the check of the relays has closed its connection', isClosed);
    const all = await doctorClient(file, quietContext({ HOME: own }).context);
    assert.ok(
      all.some(({ check, status }) => check === 'nodes' && status === 'ok'),
      JSON.stringify(all),
    );
    await until('doctor has closed its connections', isClosed);
  });
});

describe('nodes behind a relay that a source names, or whose peers change', () => {
  test('are reached over a relay that a source names, until the source no longer names it', async () => {
    const answer = join(fleet.dir, 'catalogue.json');
    const listed = nodes.map(placeOf);
    await writeFile(answer, JSON.stringify({ nodes: listed }));
    const settings = `refresh: 1, sources: { exec: { command: [/bin/cat, ${answer}] } }`;
    await using asking = await startRelayNode(fleet, 'asking.devco.net', [], {
      settings: `socket: false, ${settings}`,
    });
    const sites = join(fleet.dir, 'sites');
    await makeHomeWith(fleet, sites, relayLine([asking]));
    const found = async () => {
      const { out } = await runInProcess(['ping', '--json'], sites);
      return (JSON.parse(out.join('\n')) as { nodes: { node: string }[] }).nodes.map(({ node }) => node).join(' ');
    };
    await until(
      'both nodes are found',
      async () => (await found()) === 'asking.devco.net dev1.devco.net dev2.devco.net',
    );
    await writeFile(answer, JSON.stringify({ nodes: listed.slice(1) }));
    await until('the first is dropped', async () => (await found()) === 'asking.devco.net dev2.devco.net');

    const node = await loadNodeConfig(join(asking.directory, 'node.yaml'), testAgents);
    const own = await checkRelay(node, undefined);
    assert.deepEqual(
      own.map(({ what }) => what.replace(/^\/.* lists/, 'the list lists')),
      ['the list lists 0 peers', 'the source exec lists 1 peer'],
    );
  });

  test('are asked over a relay only if their names may match', async () => {
    const picky = join(fleet.dir, 'picky');
    await makeHomeWith(fleet, picky, relayLine([relay]));
    const asked = async (...argv: string[]) => {
      const before = await Promise.all(nodes.map(async (node) => (await node.records()).length));
      const { out } = await runInProcess(['rpc', 'rpcutil', 'ping', '--json', ...argv], picky);
      const after = await Promise.all(nodes.map(async (node) => (await node.records()).length));
      const called = nodes.filter((_, index) => (after[index] ?? 0) > (before[index] ?? 0)).map(({ name }) => name);
      return [names(out), called];
    };
    assert.deepEqual(await asked('-I', 'dev2.devco.net'), [['dev2.devco.net'], ['dev2.devco.net']]);
    assert.deepEqual(await asked('-I', '/^dev1/'), [['dev1.devco.net'], ['dev1.devco.net']]);
    const { err } = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev1'], picky);
    assert.match(err.join('\n'), /no node dev1: did you mean dev1\.devco\.net\?/);
  });

  test('are asked over one relay as soon as it has all of the named ones, while another still searches', async () => {
    const searching: RelayService = {
      admit: async () => {},
      forward: () => Promise.reject(new Error('nothing is forwarded here')),
      discover: async (_request, _user, _onNode, signal) => {
        await once(signal, 'abort');
      },
    };
    await using local = await startLocalRelay(searching);
    const two = join(fleet.dir, 'searching');
    await makeHomeWith(fleet, two, `${relayLine([relay])}\nrelay_socket: ${local.socket}`);
    const { code, out, err } = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev2.devco.net', '--json'], two);
    assert.deepEqual([code, names(out)], [0, ['dev2.devco.net']], err.join('\n'));
  });

  test('have no address once a relay found them, and a direct call of the cached ones says so', async () => {
    const known = join(fleet.dir, 'cached');
    await makeHomeWith(fleet, known, relayLine([relay]));
    for (let round = 0; round < 2; round++) assert.equal((await runInProcess(['ping'], known)).code, 0);
    const cache = JSON.parse(await readFile(join(known, '.cache/mco-deploy/nodes.json'), 'utf8')) as {
      nodes: { name: string; addresses: unknown[] }[];
    };
    assert.deepEqual(
      cache.nodes.map(({ addresses }) => addresses),
      [[], [], []],
    );
    const argv = ['rpc', 'rpcutil', 'ping', '--dm', 'cache', '-I', 'dev2.devco.net'];
    assert.equal((await runInProcess(argv, known)).code, 0);
    const { code, err } = await runInProcess([...argv, '--via', 'direct'], known);
    assert.notEqual(code, 0);
    assert.match(err.join('\n'), /no address of dev2\.devco\.net is known here, .*--via NAME/);
  });

  test('are dropped by a relay once its list no longer names them', async () => {
    await using listing = await startRelayNode(fleet, 'listing.devco.net', nodes);
    const sites = join(fleet.dir, 'dropped');
    await makeHomeWith(fleet, sites, relayLine([listing]));
    const found = async () => {
      const { out } = await runInProcess(['ping', '--json'], sites);
      return (JSON.parse(out.join('\n')) as { nodes: { node: string }[] }).nodes.map(({ node }) => node);
    };
    assert.deepEqual(await found(), ['dev1.devco.net', 'dev2.devco.net', 'listing.devco.net']);
    const list = nodes.slice(1, 2).map(placeOf);
    await writeFile(join(fleet.dir, 'listing.devco.net-peers.json'), JSON.stringify(list));
    assert.deepEqual(await found(), ['dev2.devco.net', 'listing.devco.net']);
  });
});

describe('nodes behind several relays, or one that refuses', () => {
  test('count as one node each over two relays', async () => {
    await using second = await startRelayNode(fleet, 'bastion2.devco.net', nodes);
    const two = join(fleet.dir, 'two');
    await makeHomeWith(fleet, two, relayLine([relay, second]));
    const { code, out, err } = await runInProcess(['ping', '--json'], two);
    assert.equal(code, 0, err.join('\n'));
    const found = (JSON.parse(out.join('\n')) as { nodes: { node: string }[] }).nodes.map(({ node }) => node);
    assert.deepEqual(found, ['bastion.devco.net', 'bastion2.devco.net', 'dev1.devco.net', 'dev2.devco.net']);
  });

  test('cannot be reached by callers that the relay’s policy refuses', async () => {
    const policies = { default: 'policy default allow\n', relay: 'policy default deny\n' };
    await using closed = await startRelayNode(fleet, 'bastion3.devco.net', nodes, { policies });
    const eve = join(fleet.dir, 'eve');
    await makeHomeWith(fleet, eve, relayLine([closed]));
    const { code, err } = await runInProcess(['ping'], eve);
    assert.notEqual(code, 0);
    assert.match(err.join('\n'), /cert=rip@devco\.net may not relay\.discover on bastion3\.devco\.net/);
  });

  test('are named as silent if they were known and the relay has lost them', async () => {
    const known = join(fleet.dir, 'known');
    const third = await startTestNode(fleet, { name: 'dev3.devco.net', agents: testAgents });
    await using other = await startRelayNode(fleet, 'bastion4.devco.net', [...nodes, third]);
    await makeHomeWith(fleet, known, relayLine([other]));
    assert.equal((await runInProcess(['ping'], known)).code, 0);
    await third[Symbol.asyncDispose]();
    const { code, err } = await runInProcess(['ping'], known);
    assert.equal(code, 5, err.join('\n'));
    assert.match(err.join('\n'), /dev3\.devco\.net .*last seen/);
  });
});
