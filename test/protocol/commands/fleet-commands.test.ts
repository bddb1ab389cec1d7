import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';

const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');

let fleet: Fleet;
let home: string;
let nodesFile: string;
const nodes: TestNode[] = [];
const closedPort = 9;

const startWith = async (name: string, facts: string, more: object = {}) => {
  const prepare = (directory: string) => writeFile(join(directory, 'facts.d', 'site.yaml'), facts);
  nodes.push(await startTestNode(fleet, { name, agents: rpcutil, prepare, ...more }));
};

const listNodes = async (file: string, chosen: readonly { name: string; port: number }[]) => {
  const list = chosen.map(({ name, port }) => ({ name, address: '127.0.0.1', port }));
  await writeFile(file, JSON.stringify(list));
};

const places = () => nodes.map(({ name, daemon }) => ({ name, port: daemon.port }));

before(async () => {
  fleet = await makeFleet();
  home = join(fleet.dir, 'home');
  nodesFile = join(home, 'nodes.json');
  const { certificate, key, ca } = (await fleet.operator('rip@devco.net')).files;
  await mkdir(join(home, '.config/mco-deploy'), { recursive: true });
  await writeFile(
    join(home, '.config/mco-deploy/client.yaml'),
    `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }\ndiscovery: { method: file, file: ${nodesFile} }\n`,
  );
  await startWith('dev1.devco.net', 'cluster: alfa\nos: { name: debian, version: 12 }\n');
  await startWith('dev2.devco.net', 'cluster: bravo\nos: { name: debian, version: 12 }\n');
  await startWith('dev3.devco.net', 'cluster: alfa\nos: { name: alpine }\ntags: [a, b]\n', {
    policies: { default: 'policy default deny\n' },
  });
  await listNodes(nodesFile, places());
});

after(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await fleet.remove();
});

/** Commands that ask the fleet about itself, against real daemons over mutual TLS. */
describe('questions to a fleet about its nodes', () => {
  test('inventory shows version, agents, classes and facts of one node', async () => {
    const { code, out, err } = await runInProcess(['inventory', 'DEV1.devco.net'], home);
    assert.deepEqual([code, err], [0, []]);
    assert.deepEqual(out.slice(0, 7), [
      'dev1.devco.net',
      '  Version: 0.1.0',
      '  Agents:',
      '    rpcutil 0.1.0',
      '  Classes:',
      '    webserver',
      '  Facts:',
    ]);
    const facts = out.slice(7);
    for (const fact of ['    cluster = alfa', '    os.name = debian', '    os.version = 12'])
      assert.ok(facts.includes(fact), fact);
    assert.deepEqual(facts, facts.toSorted());
  });

  test('rpc to known nodes sends each its call with the filter, and shows only those that match', async () => {
    const { code, out } = await runInProcess(['rpc', 'rpcutil', 'ping', '-F', 'cluster=bravo', '--json'], home);
    assert.equal(code, 0);
    assert.deepEqual(
      (JSON.parse(out.join('\n')) as { node: string; outcome: string }[]).map(({ node, outcome }) => [node, outcome]),
      [['dev2.devco.net', 'ok']],
    );
    const last = async (node: TestNode | undefined) => (await node?.records())?.at(-1);
    const [dev1] = nodes;
    const refused = await last(dev1);
    assert.deepEqual([refused?.kind, refused?.kind === 'outcome' && refused.code], ['outcome', 'not-matched']);
  });

  test('rpc that matches no node discovers nothing, whatever the nodes refuse', async () => {
    const { code, err } = await runInProcess(['rpc', 'rpcutil', 'ping', '-F', 'cluster=nowhere'], home);
    assert.deepEqual(
      [code, err],
      [
        1,
        [
          'no node was discovered that matches',
          'no known node has cluster=nowhere; known: alfa, bravo',
          'to list the nodes: mco-deploy find -v',
        ],
      ],
    );
  });

  test('each command that looks for nodes is interrupted by Ctrl-C while it looks', async () => {
    for (const words of [['ping'], ['find'], ['facts', 'cluster'], ['status'], ['locks'], ['rpc', 'rpcutil', 'ping']]) {
      const { code, err } = await runInProcess(words, home, { signal: AbortSignal.abort('Ctrl-C') });
      assert.deepEqual([code, err], [130, ['mco-deploy: interrupted']], words.join(' '));
    }
  });

  test('locks and jobs say nothing of leases and jobs that no node was asked for', async () => {
    for (const [words, nothing] of [
      [['locks'], 'no lease is held'],
      [['locks', 'break', 'bravo'], 'nobody holds bravo'],
      [['jobs'], 'you have no jobs'],
    ] as const) {
      const { code, out, err } = await runInProcess([...words, '-F', 'cluster=nowhere'], home);
      assert.deepEqual([code, out], [1, []], words.join(' '));
      assert.equal(err[0], 'no node was discovered that matches');
      assert.ok(!err.join().includes(nothing));
    }
    assert.deepEqual((await runInProcess(['locks', '-F', 'cluster=nowhere', '-j'], home)).out, ['[]']);
  });

  test('inventory prints the same as JSON', async () => {
    const { code, out } = await runInProcess(['inventory', 'dev2.devco.net', '--json'], home);
    assert.equal(code, 0);
    const { facts, ...rest } = JSON.parse(out.join('\n'));
    assert.deepEqual([facts.cluster, facts.os], ['bravo', { name: 'debian', version: 12 }]);
    assert.deepEqual(rest, {
      node: 'dev2.devco.net',
      version: '0.1.0',
      agents: [{ name: 'rpcutil', version: '0.1.0' }],
      classes: ['webserver'],
      warnings: [],
    });
  });

  test('ping and inventory show the line of a policy that does not parse, and what applies instead', async () => {
    const [dev1] = nodes;
    assert.ok(dev1);
    const file = join(dev1.directory, 'policies', 'default.policy');
    const good = await readFile(file, 'utf8');
    await writeFile(file, `${good}dney\tcert=eve\t*\t*\t*\n`);
    await dev1.daemon.reload();
    const warning = /policy refused, the last good one stays in force: .*default\.policy:3: this is not a valid rule/;
    const ping = await runInProcess(['ping', '-I', dev1.name], home);
    assert.equal(ping.code, 0);
    assert.match(ping.err.join('\n'), warning);
    const inventory = await runInProcess(['inventory', dev1.name, '--json'], home);
    assert.equal(inventory.code, 0, 'the last good one lets rip in');
    assert.match(JSON.parse(inventory.out.join('\n')).warnings.join(), warning);
    await writeFile(file, good);
    await dev1.daemon.reload();
    assert.deepEqual((await runInProcess(['ping', '-I', dev1.name], home)).err, []);
  });

  test('inventory of a node that refuses, is missing or does not exist is an error', async () => {
    const refused = await runInProcess(['inventory', 'dev3.devco.net'], home);
    assert.deepEqual([refused.code, refused.out], [77, []]);
    assert.match(refused.err.join('\n'), /^dev3\.devco\.net: /);
    const absent = await runInProcess(['inventory', 'dev8.devco.net'], home);
    assert.equal(absent.code, 3);
    assert.match(absent.err.join('\n'), /dev8\.devco\.net +never seen$/m);
    const wrong = await runInProcess(['inventory', '/dev/'], home);
    assert.equal(wrong.code, 64);
    assert.match(wrong.err.join('\n'), /“\/dev\/” is not a valid node name/);
  });
});

describe('questions to a fleet about its facts', () => {
  test('facts shows the distribution of a fact, the most frequent value first', async () => {
    const { code, out } = await runInProcess(['facts', 'cluster'], home);
    assert.equal(code, 0);
    assert.deepEqual(out, ['Report for fact: cluster', '', '  alfa   found 2 times', '  bravo  found once']);
  });

  test('facts reads nested values, and names the nodes that do not have them', async () => {
    const { code, out } = await runInProcess(['facts', 'os.version', '--json'], home);
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(out.join('\n')), {
      fact: 'os.version',
      values: [{ value: 12, count: 2, nodes: ['dev1.devco.net', 'dev2.devco.net'] }],
      absent: ['dev3.devco.net'],
    });
    const verbose = await runInProcess(['facts', 'tags', '-v', '-F', 'cluster=alfa'], home);
    assert.deepEqual(verbose.out.slice(2), [
      '  ["a","b"]       found once',
      '    dev3.devco.net',
      '  (no such fact)  found once',
      '    dev1.devco.net',
    ]);
  });

  test('facts of an unknown or invalid name exits with an error', async () => {
    const { code, err } = await runInProcess(['facts', 'clutser'], home);
    assert.deepEqual([code, err], [1, ['no node has the fact clutser: did you mean “cluster”?']]);
    const nested = await runInProcess(['facts', 'os.versoin'], home);
    assert.deepEqual(nested.err, ['no node has the fact os.versoin: did you mean “os.version”?']);
    const other = await runInProcess(['facts', 'colour'], home);
    assert.deepEqual(other.err, [
      'no node has the fact colour',
      'to list the facts of a node: mco-deploy inventory dev1.devco.net',
    ]);
    assert.equal((await runInProcess(['facts', '__proto__'], home)).code, 1);
    assert.equal((await runInProcess(['facts', 'a=b'], home)).code, 64);
  });

  test('facts prints the replies, with a warning, if the heads of the audit logs cannot be stored', async () => {
    const env = { HOME: home, XDG_STATE_HOME: '/sys' };
    const { code, err } = await runInProcess(['rpc', 'rpcutil', 'ping', '-I', 'dev1.devco.net'], home, { env });
    assert.equal(code, 0);
    assert.match(
      err.join('\n'),
      /^warning: the ends of the nodes' audit logs could not be stored: \/sys\/mco-deploy\/heads/,
    );
  });

  test('facts exits with an error when a node is silent', async () => {
    const file = join(home, 'more.json');
    await listNodes(file, [...places(), { name: 'dev9.devco.net', port: closedPort }]);
    const { code, err } = await runInProcess(['facts', 'cluster', '--nodes', file], home);
    assert.equal(code, 5);
    assert.match(err.join('\n'), /No response from:\n {2}dev9\.devco\.net/);
  });
});

describe('the status of a fleet', () => {
  test('asks load balancers although the filter is for servers, and names a silent node once', async () => {
    const haproxy = agents.filter(({ ddl }) => ddl.name === 'haproxy');
    const sections = { haproxy: { sockets: [join(fleet.dir, 'gone.sock')] } };
    await using balancer = await startTestNode(fleet, { name: 'lb1.devco.net', agents: haproxy, sections });
    const file = join(home, 'status.json');
    const found = { name: balancer.name, port: balancer.daemon.port };
    await listNodes(file, [...places(), found, { name: 'dev9.devco.net', port: closedPort }]);
    const env = { HOME: home, XDG_CACHE_HOME: join(home, 'cache-of-status') };
    const { code, err } = await runInProcess(['status', '-F', 'cluster=nowhere', '--nodes', file], home, { env });
    assert.equal(code, 2, err.join('\n'));
    assert.match(err.join('\n'), /^lb1\.devco\.net: .*gone\.sock/m);
    assert.equal(err.filter((line) => line.includes('dev9.devco.net')).length, 1, err.join('\n'));
  });
});

describe('the nodes that a client finds and forgets', () => {
  test('an agent is also found by its alias', async () => {
    const angelia = agents.filter(({ ddl }) => ddl.name === 'angelia');
    const prepare = (directory: string) =>
      writeFile(
        join(directory, 'node.yaml'),
        `listen: { address: 127.0.0.1, port: 0 }\ndiscovery: { mdns: false }\naudit: { file: audit.jsonl }\nstate: state\nlog: { level: silent }\nagents: { angelia: { webhooks: { ops: "http://127.0.0.1:9/" } } }\n`,
      );
    await using node = await startTestNode(fleet, { name: 'notify1.devco.net', agents: angelia, prepare });
    const file = join(home, 'notify.json');
    await listNodes(file, [...places(), { name: node.name, port: node.daemon.port }]);
    const byFile = ['--dm', 'file', '--do', `file=${file}`];
    assert.deepEqual((await runInProcess(['find', '-I', 'notify1.devco.net', ...byFile], home)).out, [node.name]);
    assert.equal((await runInProcess(['find', '--dm', 'cache', '--do', `file=${file}`], home)).code, 64);
    for (const option of ['-A', '--wa', '--with-agent']) {
      const { code, out } = await runInProcess(['find', option, 'angelianotify', '--nodes', file], home);
      assert.deepEqual([code, out], [0, ['notify1.devco.net']], option);
    }
  });

  test('forget retires a known node, so that it no longer counts as missing', async () => {
    const gone = nodes.pop() as TestNode;
    await gone[Symbol.asyncDispose]();
    const silent = await runInProcess(['ping', '--dm', 'cache'], home);
    assert.equal(silent.code, 5);
    assert.match(silent.err.join('\n'), /dev3\.devco\.net +last seen \d{4}-.* by this client$/m);
    const { code, out } = await runInProcess(['forget', gone.name], home);
    assert.equal(code, 0);
    assert.match(out.join('\n'), /^dev3\.devco\.net is forgotten \(last seen \d{4}-/);
    const again = await runInProcess(['forget', gone.name], home);
    assert.equal(again.code, 64);
    assert.match(again.err.join('\n'), /has never seen dev3\.devco\.net: did you mean “dev\d\.devco\.net”\?/);
    await runInProcess(['forget', 'notify1.devco.net'], home);
    const after = await runInProcess(['ping', '--dm', 'cache'], home);
    assert.deepEqual([after.code, after.err], [0, []]);
  });

  test('forget removes a name that only others report when forced, and prints JSON', async () => {
    const { code, out } = await runInProcess(['forget', 'dev7.devco.net', '--force', '--json'], home);
    assert.equal(code, 0);
    const { node, last_seen: lastSeen } = JSON.parse(out.join('\n'));
    assert.deepEqual([node, lastSeen], ['dev7.devco.net', null]);
    const cache = JSON.parse(await readFile(join(home, '.cache/mco-deploy/nodes.json'), 'utf8'));
    assert.ok(cache.forgotten['dev7.devco.net'] > 0);
  });

  test('forget reports that the cache cannot be read', async () => {
    const cache = join(home, '.cache');
    const known = await readFile(join(cache, 'mco-deploy/nodes.json'));
    await rm(cache, { recursive: true });
    await writeFile(cache, known);
    const { code, out, err } = await runInProcess(['forget', 'dev1.devco.net', '--force'], home);
    assert.deepEqual([code, out], [74, []]);
    assert.match(
      err.join('\n'),
      /dev1\.devco\.net is not forgotten: the cache .* cannot be read: a part of the path is not a directory/,
    );
  });
});
