import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents as all } from '../../../src/agents/index.ts';
import { commandLine } from '../../../src/command-line.ts';
import { connect, type Fleet as Connection, Problem, type Reply } from '../../../src/index.ts';
import { greeting } from '../../../src/transport/relay/frames/frames.ts';
import { probeAgent, probeCalls, waiting } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet, type Member } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';
import { rejection } from '../../support/thrown.ts';
import { within } from '../../support/until.ts';

const agents = [...all.filter(({ ddl }) => ['audit', 'rpcutil', 'lock'].includes(ddl.name)), probeAgent];
const policy = 'policy default deny\nallow\tcert=rip@devco.net\t*\t*\t*\n';

let fleet: Fleet;
let nodes: TestNode[];
let rip: Member;
let env: { HOME: string };

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  const options = { agents, policies: { default: policy } };
  nodes = [
    await startTestNode(fleet, { ...options, name: 'dev1.devco.net' }),
    await startTestNode(fleet, {
      ...options,
      name: 'dev2.devco.net',
      policies: { default: policy, audit: 'policy default deny\n' },
    }),
  ];
  env = { HOME: await makeHome(join(fleet.dir, 'home'), rip, nodes) };
});

after(async () => {
  for (const node of nodes) await node.daemon.stop();
  await fleet.remove();
});

describe('the library', () => {
  test('finds nodes with their facts, classes and agents, and says which are missing', async () => {
    await using connection = await connect({ env });
    assert.equal(connection.operator, 'rip@devco.net');
    const { nodes: found, missing } = await connection.find({ facts: { cluster: 'bravo' }, classes: ['webserver'] });
    assert.deepEqual(
      found.map(({ name, facts }) => [name, facts.cluster]),
      [
        ['dev1.devco.net', 'bravo'],
        ['dev2.devco.net', 'bravo'],
      ],
    );
    assert.deepEqual(missing, []);
    assert.deepEqual((await connection.find({ facts: ['cluster=alfa'] })).nodes, []);
    assert.deepEqual(
      (await connection.find({ nodes: ['/dev2/'] })).nodes.map(({ name }) => name),
      ['dev2.devco.net'],
    );
  });

  test('returns each reply as it arrives, and all of them at the end', async () => {
    await using connection = await connect({ env });
    const call = connection.call('rpcutil', 'get_fact', { fact: 'cluster' });
    const arrived: Reply<{ value?: unknown }>[] = [];
    for await (const reply of call) arrived.push(reply);
    const { replies } = await call;
    assert.deepEqual(
      replies.map(({ node, outcome, data }) => [node, outcome, data.value]),
      [
        ['dev1.devco.net', 'ok', 'bravo'],
        ['dev2.devco.net', 'ok', 'bravo'],
      ],
    );
    assert.deepEqual(
      arrived.toSorted((a, b) => (a.node < b.node ? -1 : 1)),
      replies,
    );
  });

  test('calls a custom agent by the description that its nodes return', async () => {
    await using connection = await connect({ env });
    const { replies } = await connection.call(
      'probe',
      'echo',
      { text: 'hello' },
      { on: { nodes: ['dev1.devco.net'] } },
    );
    assert.deepEqual(
      replies.map(({ node, data }) => [node, data.text]),
      [['dev1.devco.net', 'hello']],
    );
    const wrong = await rejection(connection.call('probe', 'echo', { text: 7 }));
    assert.equal(wrong.code, 'invalid-input');
  });

  test('reports a refusal as the outcome of its node, and bad input before any node is called', async () => {
    await using connection = await connect({ env });
    const { replies } = await connection.call('audit', 'verify', {}, { on: { nodes: ['dev2.devco.net'] } });
    assert.deepEqual(
      replies.map(({ outcome, code }) => [outcome, code]),
      [['refused', 'policy-denied']],
    );
    const before = (await nodes[0]?.records())?.length;
    for (const [agent, action, input, code] of [
      ['rpcutil', 'get_fact', { fact: '' }, 'invalid-input'],
      ['rpcutil', 'no_such', {}, 'usage'],
      ['no_such', 'ping', {}, 'unknown-agent'],
    ] as const) {
      const problem = await rejection(connection.call(agent as string, action as string, input as never));
      assert.ok(problem instanceof Problem);
      assert.equal(problem.code, code);
    }
    assert.equal((await rejection(connection.find({ facts: { cluster: '=x' } }))).code, 'usage');
    assert.equal((await nodes[0]?.records())?.length, before);
  });

  test('reads audit trails whose signatures it has checked', async () => {
    await using connection = await connect({ env });
    await connection.call('rpcutil', 'ping', {});
    const kinds = new Map<string, number>();
    for await (const { node, record } of connection.audit({ on: { nodes: ['dev1.devco.net'] } })) {
      assert.equal(node, 'dev1.devco.net');
      kinds.set(String(record.kind), (kinds.get(String(record.kind)) ?? 0) + 1);
    }
    assert.ok((kinds.get('intent') ?? 0) >= 1 && (kinds.get('outcome') ?? 0) >= 1, [...kinds.keys()].join());
  });
});

describe('the library until it is closed', () => {
  test('runs a playbook: its events as they happen, its report at the end, and its journal for “runs”', async () => {
    await using connection = await connect({ env });
    const file = join(env.HOME, 'look.yaml');
    await writeFile(
      file,
      `name: look\ndescription: asks\ninputs: { fact: {} }\nnodes: { all: { agents: [rpcutil] } }\nsteps:\n  - { id: ask, call: rpcutil.get_fact, on: all, with: { fact: '\${{ inputs.fact }}' } }\n`,
    );
    const run = connection.run(file, { fact: 'cluster' });
    const events = await Array.fromAsync(run);
    const report = await run;
    assert.deepEqual([events[0]?.type, events.at(-1)?.type, report.state], ['run-started', 'run-finished', 'done']);
    assert.deepEqual(report.steps[0]?.ok, ['dev1.devco.net', 'dev2.devco.net']);
    const journal = await readFile(join(env.HOME, `.local/state/mco-deploy/runs/${report.runId}.jsonl`), 'utf8');
    assert.match(journal, /"type":"run-finished"/);
    assert.equal((await rejection(connection.run(file))).code, 'bad-input');
    assert.equal((await rejection(connection.run('no_such_playbook'))).code, 'usage');
    await connection.close();
    assert.equal((await rejection(connection.run(file))).code, 'closed');
  });

  test('cancels a call by its signal: each called node has its outcome', async () => {
    await using connection = await connect({ env });
    const abort = new AbortController();
    const begun = Promise.withResolvers<void>();
    probeCalls.on('wait', () => waiting.length === 2 && begun.resolve());
    const call = connection.call('probe', 'wait', {}, { signal: abort.signal });
    await begun.promise;
    abort.abort();
    const { replies } = await call;
    for (const end of waiting.splice(0)) end();
    assert.deepEqual(
      replies.map(({ outcome }) => outcome),
      ['cancelled', 'cancelled'],
    );
    assert.equal((await rejection(connection.call('rpcutil', 'ping', {}, { signal: abort.signal }))).code, 'cancelled');
    assert.equal(
      (await connection.call('rpcutil', 'ping', {})).replies.length,
      2,
      'the connection is as good as before',
    );
  });

  test('fails with a clear problem after close(), which may be called twice', async () => {
    const connection = await connect({ env });
    await connection.close();
    await connection.close();
    const uses: ((one: Connection) => Promise<unknown>)[] = [
      (one) => one.find(),
      (one) => one.call('rpcutil', 'ping', {}),
      async (one) => Array.fromAsync(one.audit()),
    ];
    for (const use of uses) {
      const problem = await rejection(use(connection));
      assert.ok(problem instanceof Problem);
      assert.deepEqual([problem.code, problem.message], ['closed', 'the connection to the fleet was closed']);
      assert.match(problem.hint, /connect\(\) again/);
    }
  });

  test('has stored the ends of the nodes’ audit logs, and watches no file and has no relay, once it is closed', async (t) => {
    const files = ['watchFile', 'unwatchFile'] as const;
    const [watched, unwatched] = files.map((name) => t.mock.method(fs, name));
    syncBuiltinESMExports();
    const left = Promise.withResolvers<void>();
    let asked = 0;
    const server = createServer((socket) => {
      asked++;
      socket.resume().on('error', () => {});
      socket.write(greeting);
      socket.once('close', left.resolve);
    });
    try {
      const home = await makeHome(join(fleet.dir, 'home-left'), rip, nodes);
      const socket = join(fleet.dir, 'left.sock');
      await once(server.listen(socket), 'listening');
      const client = join(home, '.config/mco-deploy/client.yaml');
      const own = await readFile(client, 'utf8');
      await writeFile(client, `${own}relay_socket: ${socket}\n`);
      const related = await connect({ env: { HOME: home } });
      assert.equal(asked, 1);
      await related.close();
      await within('the end of the connection to the relay', left.promise);

      await writeFile(client, `${own}relay_socket: ${socket}.none\n`);
      const connection = await connect({ env: { HOME: home } });
      assert.equal((await connection.call('rpcutil', 'ping', {})).replies.length, 2);
      await connection.close();
      const heads = JSON.parse(await readFile(join(home, '.local/state/mco-deploy/heads.json'), 'utf8'));
      assert.deepEqual(Object.keys(heads.heads), ['dev1.devco.net', 'dev2.devco.net']);
      assert.ok((watched?.mock.callCount() ?? 0) > 0);
      assert.equal(unwatched?.mock.callCount(), watched?.mock.callCount());
    } finally {
      server.close();
      t.mock.restoreAll();
      syncBuiltinESMExports();
    }
  });

  test('ends running work when it is closed, and keeps two connections apart', async () => {
    const [one, other] = [await connect({ env }), await connect({ env })];
    const call = one.call('rpcutil', 'ping', {});
    await one.close();
    const ended = await call.then(({ replies }) => replies.map(({ outcome }) => outcome)).catch((error) => error.code);
    assert.ok(ended === 'cancelled' || (Array.isArray(ended) && ended.length <= 2), String(ended));
    assert.equal((await other.call('rpcutil', 'ping', {})).replies.length, 2);
    await other.close();
  });
});

describe('the library in a program', () => {
  test('has types, generated by “agent types”, for what its nodes describe', async () => {
    const { code, out, err } = await runInProcess(['agent', 'types'], env.HOME, {}, commandLine);
    assert.equal(code, 0, err.join());
    const text = out.join('\n');
    assert.match(
      text,
      /^declare module 'mco-deploy' \{\n {2}interface Agents \{\n {4}\/\*\* for tests \*\/\n {4}probe: \{$/m,
    );
    assert.doesNotMatch(text, /rpcutil/, 'those that are built in come with the package');
    const builtIn = await runInProcess(['agent', 'types', 'rpcutil'], env.HOME, {}, commandLine);
    assert.deepEqual([builtIn.code, builtIn.out], [64, []]);
    const unknown = await runInProcess(['agent', 'types', 'prob'], env.HOME, {}, commandLine);
    assert.equal(unknown.code, 64);
    assert.match(unknown.err.join(), /there is no agent “prob”/);
  });

  test('reports a configuration that is missing or wrong', async () => {
    assert.equal((await rejection(connect({ env: { HOME: '/nonexistent' } }))).code, 'not-configured');
  });
});
