import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { exitCodeOf, findingOf } from '../../../src/client/commands/nrpe/findings.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { listNodes, makeHome } from '../../support/program/home.ts';

const nrpe = agents.filter(({ ddl }) => ddl.name === 'nrpe');
const plugins = '/usr/lib/nagios/plugins';

let fleet: Fleet;
let home: string;
let rip: Member;
const nodes: TestNode[] = [];

const startWith = async (name: string, state: number, text: string) => {
  const config = join(fleet.dir, `${name}.cfg`);
  const lines = [
    'dont_blame_nrpe=1',
    `command[app]=${plugins}/check_dummy ${state} "${text}"`,
    `command[fine]=${plugins}/check_dummy 0 well`,
    `command[given]=${plugins}/check_dummy $ARG1$ "$ARG2$"`,
    'command[perf]=/bin/echo "TEXT | a=1"',
    '',
  ];
  await writeFile(config, lines.join('\n'));
  const sections = { nrpe: { config, arguments: { given: ['[0-3]', '[a-z ]+'] } } };
  nodes.push(await startTestNode(fleet, { name, agents: nrpe, sections }));
};

before(async () => {
  fleet = await makeFleet();
  await startWith('dev1.devco.net', 1, 'so so');
  await startWith('dev2.devco.net', 0, 'well');
  await startWith('dev3.devco.net', 2, 'b\u001b[31mad');
  await startWith('dev4.devco.net', 0, 'well');
  rip = await fleet.operator('rip@devco.net');
  home = await makeHome(join(fleet.dir, 'home'), rip, nodes);
});

after(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]();
  await fleet.remove();
});

/** `mco-deploy nrpe CHECK` against real daemons that run real plugins. */
describe('nrpe over the fleet', () => {
  test('lists the nodes that are not OK, the worst first, sums up the states and exits with the worst', async () => {
    const { code, out, err } = await runInProcess(['nrpe', 'app'], home);
    assert.deepEqual([code, err], [2, []]);
    assert.deepEqual(out.slice(0, 4), [
      'dev3.devco.net                           CRITICAL  CRITICAL: b\\x1b[31mad',
      'dev1.devco.net                           WARNING   WARNING: so so',
      '',
      'OK: 2  WARNING: 1  CRITICAL: 1',
    ]);
    assert.match(out[4] ?? '', /^Finished processing 4 \/ 4 hosts in [\d.]+ ms$/);
    assert.equal((await runInProcess(['nrpe', 'app', '-I', '/dev[124]/'], home)).code, 1);
  });

  test('shows all nodes and their performance data on request', async () => {
    const { code, out } = await runInProcess(['nrpe', 'perf', '-v', '-I', 'dev2.devco.net'], home);
    assert.equal(code, 0);
    assert.deepEqual(out.slice(0, 4), [
      'dev2.devco.net                           OK        TEXT',
      '  a=1',
      '',
      'OK: 1',
    ]);
    assert.equal((await runInProcess(['nrpe', 'fine'], home)).out[0], 'OK: 4');
  });

  test('prints JSON in a stable order', async () => {
    const { code, out } = await runInProcess(['nrpe', 'app', '--json', '-I', '/dev[12]/'], home);
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(out.join('\n')), {
      check: 'app',
      exitcode: 1,
      states: { OK: 1, WARNING: 1 },
      nodes: [
        { node: 'dev1.devco.net', outcome: 'ok', state: 'WARNING', output: 'WARNING: so so', perfdata: '' },
        { node: 'dev2.devco.net', outcome: 'ok', state: 'OK', output: 'OK: well', perfdata: '' },
      ],
    });
  });

  test('takes arguments, and is UNKNOWN if a node refuses them', async () => {
    const given = await runInProcess(['nrpe', 'given', '1', 'so so', '-I', 'dev2.devco.net'], home);
    assert.deepEqual(
      [given.code, given.out[0]],
      [1, 'dev2.devco.net                           WARNING   WARNING: so so'],
    );
    const refused = await runInProcess(['nrpe', 'given', '7', 'x', '-I', 'dev2.devco.net'], home);
    assert.equal(refused.code, 3);
    assert.match(refused.out[0] ?? '', /UNKNOWN +argument 1 of given must match \[0-3\]$/);
  });

  test('is UNKNOWN for a check that no node has, or when no node is called', async () => {
    const none = await runInProcess(['nrpe', 'none'], home);
    assert.deepEqual([none.code, none.out.at(-2)], [3, 'UNKNOWN: 4']);
    const nobody = await runInProcess(['nrpe', 'app', '-C', 'no_such_class'], home);
    assert.deepEqual([nobody.code, nobody.out], [3, []]);
    assert.match(nobody.err.join('\n'), /no node was discovered/);
  });

  test('names a silent node, which is UNKNOWN', async () => {
    await listNodes(home, [...nodes, { name: 'dev9.devco.net', daemon: { port: 9 } }]);
    const { code, err } = await runInProcess(['nrpe', 'fine'], home);
    assert.equal(code, 3);
    assert.match(err.join('\n'), /dev9\.devco\.net/);
    await listNodes(home, nodes);
  });

  // Past a client that lets everything through.
  for (const args of ['0;reboot', '0!x\nreboot', '0!`id`', "0!it's", '-v!x', '0!$(id)', '0!a|b', '0!\\x', '0!<x'])
    test(`is refused on the node, and recorded, with the arguments ${JSON.stringify(args)}`, async () => {
      const node = nodes[0] as TestNode;
      const reply = await node.call(rip, { agent: 'nrpe', action: 'runcommand', input: { command: 'given', args } });
      assert.deepEqual([reply.outcome, reply.code], ['refused', 'invalid-input']);
      const record = (await node.records()).at(-1);
      assert.ok(record?.kind === 'outcome');
      assert.deepEqual([record.outcome, record.code], ['refused', 'invalid-input']);
    });

  test('accepts OK only from a reply with that state', () => {
    const said = { status: 0, code: '', message: '', hint: '', elapsed: 1, node: 'n', outcome: 'ok' } as const;
    const stateOf = (data: object) => findingOf({ ...said, data: { ...data } }).state;
    assert.equal(stateOf({ exitcode: 0 }), 'OK');
    for (const exitcode of [null, '', '0', [], [0], true, 4, -1, 0.5, undefined])
      assert.equal(stateOf({ exitcode }), 'UNKNOWN');
    assert.equal(findingOf({ ...said, outcome: 'failed', data: { exitcode: 0 } }).state, 'UNKNOWN');
  });

  test('distinguishes a bad state from an unknown one', () => {
    assert.deepEqual(
      [[], ['OK'], ['OK', 'UNKNOWN'], ['UNKNOWN', 'WARNING'], ['WARNING', 'CRITICAL', 'UNKNOWN']].map((found) =>
        exitCodeOf(found as never),
      ),
      [3, 0, 3, 1, 2],
    );
  });
});
