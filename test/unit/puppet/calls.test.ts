import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { createFabric, type FabricOptions } from '../../support/fleet/fabric.ts';
import { loadText, runText } from '../../support/puppet/run-script.ts';

const names = ['web1', 'web2', 'web3', 'web4'];
const fleet = (options: FabricOptions = {}) =>
  createFabric(
    [
      ...names.map((name, index) => ({
        name,
        agents: ['rpcutil', 'nrpe', 'appmgr'],
        classes: ['web'],
        facts: { cluster: index < 2 ? 'alfa' : 'bravo', os: { family: 'Debian' }, cpus: index + 1 },
      })),
      { name: 'lb1', agents: ['rpcutil', 'haproxy'], classes: ['haproxy'], facts: { cluster: 'alfa' } },
    ],
    options,
  );
const ping = (attributes = '') => `mcollective { 'p': agent => rpcutil, action => ping, ${attributes} }`;
const pinged = async (attributes: string) => {
  const fabric = fleet();
  const { report } = await runText(ping(attributes), {}, fabric);
  assert.equal(report.state, 'done', JSON.stringify(report.failure));
  return fabric.calls.map(({ nodes }) => nodes);
};
const failsWith = (message: RegExp) => (error: unknown) =>
  error instanceof Problem && error.code === 'bad-script' && message.test(error.message);

describe('the nodes of a call', () => {
  const cases: readonly (readonly [string, string, readonly (readonly string[])[]])[] = [
    ['all that run the agent', '', [['lb1', ...names]]],
    [
      'all, where filters are empty',
      "class_filter => '', fact_filter => false, identity_filter => undef",
      [['lb1', ...names]],
    ],
    ['nodes by name', "identity_filter => 'web2'", [['web2']]],
    ['nodes by names', "identity_filter => ['web1', 'web3']", [['web1', 'web3']]],
    ['nodes by a regex of their names', "identity_filter => '/^web[12]$/'", [['web1', 'web2']]],
    ['nodes of a class', 'class_filter => haproxy', [['lb1']]],
    ['nodes with all of several facts', "fact_filter => ['cluster=alfa', 'os.family=Debian']", [['web1', 'web2']]],
    ['nodes of a compound filter', "compound_filter => 'web and not cluster=alfa'", [['web3', 'web4']]],
    ['so many nodes at most', 'class_filter => web, limit_nodes => 3', [['web1', 'web2', 'web3']]],
    ['nodes in batches', 'class_filter => web, batch_size => 3', [['web1', 'web2', 'web3'], ['web4']]],
    [
      'nodes in batches, by a number in a string',
      "class_filter => web, batch_size => '2'",
      [
        ['web1', 'web2'],
        ['web3', 'web4'],
      ],
    ],
  ];
  for (const [name, attributes, expected] of cases) {
    test(name, async () => assert.deepEqual(await pinged(attributes), expected));
  }

  test('are never all: an empty list of names is an error', async () => {
    const fabric = fleet();
    const script = `$none = discover(nrpe, {fact => 'cluster=charlie'})\n${ping('identity_filter => $none')}`;
    await assert.rejects(runText(script, {}, fabric), failsWith(/^test\.mc:2:54: “identity_filter” is an empty list$/));
    assert.deepEqual(fabric.calls, []);
  });

  test('are the named ones only if all of them exist', async () => {
    const { report, err } = await runText(ping("identity_filter => ['web1', 'web9']"), {}, fleet());
    assert.equal(report.state, 'failed');
    assert.match(err.join('\n'), /too few nodes match the filter of Mcollective\[p\] \(web1, web9\)/);
  });
});

describe('a call of a script', () => {
  const call = (attributes: string, options: FabricOptions = {}) => {
    const fabric = fleet(options);
    return runText(`mcollective { 'c': ${attributes} }`, {}, fabric).then((found) => ({ ...found, fabric }));
  };
  const check = 'agent => nrpe, action => runcommand, identity_filter => web1';

  test('pauses 10 seconds between tries by default', async () => {
    const troubles = [{ node: 'web1', call: 'rpcutil.ping', kind: 'failed', tries: [1] } as const];
    const { fabric } = await call('agent => rpcutil, action => ping, identity_filter => web1, tries => 2', {
      troubles,
    });
    assert.deepEqual(fabric.slept, [10_000]);
  });

  test('pauses between batches', async () => {
    const { fabric } = await call(
      'agent => rpcutil, action => ping, class_filter => web, batch_size => 2, batch_sleep_time => 3',
    );
    assert.deepEqual(fabric.slept, [3000]);
  });

  test('sends strings and numbers in the types of the action', async () => {
    const { fabric } = await call(
      'agent => appmgr, action => upgrade, arguments => { revision => 20 }, identity_filter => web1',
    );
    assert.deepEqual(fabric.calls.find(({ agent }) => agent === 'appmgr')?.input.revision, '20');
    const least =
      "agent => haproxy, action => disable, arguments => { backend => app, server => web1, min_available => '2' }";
    const { fabric: other } = await call(`${least}, class_filter => haproxy`);
    assert.equal(other.calls.find(({ agent }) => agent === 'haproxy')?.input.min_available, 2);
  });

  test('omits undef', async () => {
    const { fabric } = await call(`${check}, arguments => { command => check_load, args => undef }`);
    assert.deepEqual(fabric.calls[0]?.input, { command: 'check_load' });
  });

  test('fails if a reply lacks what is expected, and reports what it has', async () => {
    const { report, err } = await call(`${check}, arguments => { command => check_load }, expect => { exitcode => 0 }`);
    assert.equal(report.state, 'failed');
    assert.match(err.join('\n'), /web1: exitcode is missing, and 0 is expected \(until-failed\)/);
  });

  test('is a dry run if it is noop, or its container is', async () => {
    const upgrade =
      "mcollective { 'c': agent => appmgr, action => upgrade, arguments => { revision => '20' }, identity_filter => web1";
    for (const script of [`${upgrade}, noop => true }`, `define d() { ${upgrade} } }\nd { 'x': noop => true }`]) {
      const fabric = fleet();
      await runText(script, {}, fabric);
      assert.deepEqual(
        fabric.calls.map(({ action, dryRun }) => [action, dryRun]),
        [['upgrade', true]],
        script,
      );
    }
  });

  test('does not depend on an earlier one that failed, unless an arrow requires it', async () => {
    const troubles = [{ node: 'web1', call: 'rpcutil.ping', kind: 'failed' } as const];
    const two = (arrow: string) => `${ping('identity_filter => web1')} ${arrow}
      mcollective { 'q': agent => rpcutil, action => ping, identity_filter => web2 }`;
    const free = fleet({ troubles });
    assert.equal((await runText(two(''), {}, free)).report.state, 'failed');
    assert.deepEqual(
      free.calls.map(({ nodes }) => nodes),
      [['web1'], ['web2']],
    );
    const chained = fleet({ troubles });
    await runText(two('->'), {}, chained);
    assert.deepEqual(
      chained.calls.map(({ nodes }) => nodes),
      [['web1']],
    );
  });

  test('is made once when it is notified if it is refreshonly, and not otherwise', async () => {
    const second =
      "mcollective { 'q': agent => rpcutil, action => ping, identity_filter => web2, refreshonly => true }";
    for (const [arrow, nodes] of [
      ['~>', ['web1', 'web2']],
      ['->', ['web1']],
    ] as const) {
      const fabric = fleet();
      const { report } = await runText(`${ping('identity_filter => web1')} ${arrow} ${second}`, {}, fabric);
      assert.equal(report.state, 'done');
      assert.deepEqual(
        fabric.calls.flatMap((one) => one.nodes),
        nodes,
      );
    }
  });
});

describe('a query to the fleet', () => {
  const said = async (script: string, inputs = {}, options: FabricOptions = {}) => {
    const fabric = fleet(options);
    const { notices } = await loadText(script, inputs, fabric);
    return { said: notices.map(({ text }) => text), asked: fabric.discovered.map(({ filter }) => filter) };
  };
  const cases: readonly (readonly [string, string])[] = [
    ['discover()', '[lb1, web1, web2, web3, web4]'],
    ['discover(nrpe)', '[web1, web2, web3, web4]'],
    ["discover(nrpe, {fact => 'cluster=bravo'})", '[web3, web4]'],
    ["discover({fact => ['cluster=alfa', 'cpus>=1']})", '[web1, web2]'],
    ["discover({'class' => haproxy})", '[lb1]'],
    ["discover({identity => ['web1', 'web4']})", '[web1, web4]'],
    ["discover({identity => '/1$/'})", '[lb1, web1]'],
    ["discover({compound => 'web and cluster=alfa'})", '[web1, web2]'],
    ['discover({agent => [nrpe, appmgr]})', '[web1, web2, web3, web4]'],
    ["discover({'F' => 'cluster=bravo', 'C' => 'web'})", '[web3, web4]'],
    ["discover({F => 'cluster=bravo', C => 'web'})", '[web3, web4]'],
    ["discover(nrpe, {fact => 'cluster=charlie'})", '[]'],
    ["get_fact('cluster', {identity => web3})", 'bravo'],
    ["get_fact('os.family', {identity => web3})", 'Debian'],
    ["get_fact('cpus', {identity => web3})", '3'],
    ["get_fact('nothing', {identity => web3})", ''],
  ];
  for (const [question, answer] of cases) {
    test(`${question} gives ${answer}`, async () => {
      assert.deepEqual((await said(`notice("\${${question}}")`)).said, [answer]);
    });
  }

  test('is sent once if repeated, and several are sent at once', async () => {
    const script = `
      $a = discover(nrpe, {fact => 'cluster=alfa'})
      $b = discover(nrpe, {fact => 'cluster=bravo'})
      $again = discover(nrpe, {fact => 'cluster=alfa'})
      notice(size($a) + size($b) + size($again))`;
    const { said: lines, asked } = await said(script);
    assert.deepEqual(lines, ['6']);
    assert.equal(asked.length, 2);
  });

  test('is sent even if another query needs its result', async () => {
    const script = `
      $first = discover({'class' => haproxy})
      $cluster = get_fact('cluster', {identity => $first})
      $servers = discover(nrpe, {fact => "cluster=\${cluster}"})
      notice($servers)`;
    assert.deepEqual((await said(script)).said, ['[web1, web2]']);
  });

  test('gets exactly one node by get_fact', async () => {
    await assert.rejects(said("notice(get_fact('cluster', {'class' => web}))"), failsWith(/“get_fact” found 4 nodes/));
    await assert.rejects(
      said("notice(get_fact('cluster', {identity => web9}))"),
      failsWith(/“get_fact” found no node/),
    );
  });

  test('uses the name of an agent if the script uses an alias', async () => {
    const { asked } = await said('notice(discover(angelianotify))');
    assert.deepEqual(asked[0]?.agents, ['angelia']);
  });
});

test('inputs are strings and override facts; facts of this machine are variables', async () => {
  const script = 'notice($id, $hostname, $fqdn, $port + 1, is_string($name1))';
  const { notices } = await loadText(script, { port: '80', name1: 'x', hostname: 'given' });
  assert.deepEqual(
    notices.map(({ text }) => text),
    ['rip given control.devco.net 81 true'],
  );
});

test('text that would control a terminal is escaped', async () => {
  const { out } = await runText('notify { "a\\u{1b}[31mred": }');
  assert.match(out[0] ?? '', /a\\x1b\[31mred/);
});
