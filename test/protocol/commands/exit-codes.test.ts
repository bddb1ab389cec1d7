import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome, placeOf } from '../../support/program/home.ts';

/** The state of the fleet: two nodes; one is silent, or another node answers in its place; all are silent; there is none. */
const situations = ['good', 'one silent', 'one broken', 'all silent', 'all broken', 'none'] as const;

/** A command over nodes and its exit code in each situation, then for an operator that every node refuses. */
const overNodes: readonly (readonly [command: string, codes: readonly number[], refused: number])[] = [
  ['ping', [0, 5, 2, 3, 3, 1], 0],
  ['find', [0, 5, 2, 3, 3, 1], 0],
  ['facts cluster', [0, 5, 2, 3, 3, 1], 0],
  ['rpc rpcutil ping', [0, 5, 2, 3, 3, 1], 77],
  ['rpc lock list', [0, 5, 2, 3, 3, 1], 77],
  ['locks', [0, 5, 2, 3, 3, 1], 77],
  // The run is not affected if an operator may not read the log of a node.
  [`audit trace ${'a'.repeat(32)}`, [0, 5, 5, 3, 3, 1], 5],
  // No node has these: what is silent or broken might.
  ['status', [1, 3, 3, 3, 3, 1], 1],
  ['rpc rpcutil ping -F cluster=nowhere', [1, 3, 3, 3, 3, 1], 1],
];

/** Commands that fail on the nodes that reply, whatever becomes of the others. */
const failing: readonly (readonly [command: string, codes: readonly number[]])[] = [['rpc probe fail', [2, 2, 2]]];

/** Command lines that are not valid, or ask for what is not there: 64, and nothing is called. */
const notValid = [
  'nosuch',
  'rpc',
  'rpc rpcutil',
  'rpc rpcutil nosuch',
  'rpc rpcutil ping --nosuch',
  'rpc rpcutil get_fact',
  'rpc rpcutil get_fact fact=a other=b',
  'ping -F',
  'ping -F =',
  'ping --timeout x',
  'facts',
  'run nosuch',
  'resume abcd',
  'resume ../x',
  'audit trace abcd',
  'audit verify /no/such/file',
  'ca list',
  'explain nosuch',
  'doc nosuch',
  'upgrade --cluster bravo',
  'policy check /no/such/directory',
];

describe('exit codes', () => {
  let fleet: Fleet;
  const nodes: TestNode[] = [];
  const homes: Record<string, string> = {};

  before(async () => {
    fleet = await makeFleet();
    const some = agents.filter(({ ddl }) => ['rpcutil', 'lock', 'audit'].includes(ddl.name));
    for (const name of ['dev1.devco.net', 'dev2.devco.net']) {
      const prepare = (directory: string) => writeFile(join(directory, 'facts.d', 'site.yaml'), 'cluster: bravo\n');
      const sections = { lock: { max_ttl: 600, max_leases: 9 } };
      nodes.push(await startTestNode(fleet, { name, agents: [...some, probeAgent], prepare, sections }));
    }
    const [one, two] = nodes.map(placeOf);
    // The discard port, where nothing listens; and a name at which another node answers.
    const silent = { name: 'dev8.devco.net', address: '127.0.0.1', port: 9 };
    const broken = { ...one, name: 'dev9.devco.net' };
    const lists = [[one, two], [one, silent], [one, broken], [silent], [broken], []];
    for (const [index, list] of lists.entries()) {
      await writeFile(join(fleet.dir, `${situations[index]}.json`), JSON.stringify(list));
    }
    for (const name of ['rip', 'eve']) {
      homes[name] = await makeHome(join(fleet.dir, name), await fleet.operator(`${name}@devco.net`), []);
    }
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  // On a busy machine a node takes more than the 5 s that it has by default.
  const run = (command: string, situation: string, operator = 'rip', more = {}) =>
    runInProcess(
      [...command.split(' '), '--timeout', '60', '--nodes', join(fleet.dir, `${situation}.json`)],
      homes[operator] ?? '',
      more,
    );

  for (const [command, codes, refused] of overNodes) {
    test(`fit the outcome of “${command}”`, async () => {
      const found: number[] = [];
      for (const situation of situations) found.push((await run(command, situation)).code);
      const show = (list: readonly number[]) =>
        Object.fromEntries(situations.map((name, index) => [name, list[index]]));
      assert.deepEqual(show(found), show(codes));
      assert.equal((await run(command, 'good', 'eve')).code, refused, 'refused by every node');
    });
  }

  for (const [command, codes] of failing) {
    test(`fit the failure of “${command}”`, async () => {
      for (const [index, code] of codes.entries()) {
        assert.equal((await run(command, situations[index] ?? '')).code, code, situations[index]);
      }
    });
  }

  test('a call that some nodes refuse and others miss exits with 2', async () => {
    assert.equal((await run('rpc rpcutil ping', 'one silent', 'eve')).code, 2);
    assert.equal((await run('rpc rpcutil ping', 'one broken', 'eve')).code, 2);
  });

  test('an interrupted command exits with 130, and nothing is called', async () => {
    const before = (await nodes[0]?.records())?.length;
    const signal = AbortSignal.abort();
    for (const command of ['rpc rpcutil ping', 'rpc lock list']) {
      assert.equal((await run(command, 'good', 'rip', { signal })).code, 130, command);
    }
    assert.equal((await nodes[0]?.records())?.length, before);
  });

  test('a call that is interrupted between two batches exits with 130 although its replies are good, and with 2 if one failed', async () => {
    for (const [command, expected] of [
      ['rpc rpcutil ping', 130],
      ['rpc probe fail', 2],
    ] as const) {
      const control = new AbortController();
      const out: string[] = [];
      // On a terminal, a reply is shown as it arrives.
      const show = (line: string) => {
        out.push(line);
        setImmediate(() => control.abort());
      };
      const words = `${command} --batch 1 --batch-sleep 3600`;
      const { code, err } = await run(words, 'good', 'rip', { signal: control.signal, isTerminal: true, out: show });
      assert.deepEqual([code, err.at(-1)], [expected, 'mco-deploy: interrupted: not every node was called'], command);
      assert.match(out.join('\n'), /dev1/);
      assert.doesNotMatch(out.join('\n'), /dev2/);
    }
  });

  test('an invalid command line exits with 64 and a reason, and nothing is called', async () => {
    const before = (await nodes[0]?.records())?.length;
    for (const command of notValid) {
      const { code, err, out } = await runInProcess(command.split(' '), homes.rip ?? '');
      assert.deepEqual([code, out], [64, []], command);
      assert.ok(err.length > 0, command);
    }
    assert.equal((await nodes[0]?.records())?.length, before);
  });

  test('a command that needs no node exits with 0', async () => {
    for (const command of [
      'runs',
      'doc',
      'doc rpcutil',
      'explain busy',
      'audit heads',
      'schema',
      '--help',
      '--version',
    ]) {
      const { code, err } = await runInProcess(command.split(' '), homes.rip ?? '');
      // A command without an expected exit code must succeed.
      assert.equal(code === -1 ? 0 : code, 0, `${command}: ${err}`);
    }
  });
});
