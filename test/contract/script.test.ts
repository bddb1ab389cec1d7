import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../src/core/errors.ts';
import { shippedScripts } from '../../src/playbooks.ts';
import { bravo, createEstate, type Estate, type EstateOptions } from '../support/fleet/estate.ts';
import { runText } from '../support/puppet/run-script.ts';

const script = shippedScripts.app_cluster_upgrade ?? '';
const upgrade = { backend: 'app', cluster: 'bravo', revision: '20' };
const update = 'App::Update[bravo]/Mcollective[update_bravo]';

const run = (estate: Estate, inputs: Record<string, string> = upgrade, options = {}) =>
  runText(script, inputs, estate.fabric, options);
const called = ({ fabric }: Estate) =>
  fabric.calls.map(({ agent, action, nodes }) => `${agent}.${action} ${nodes.length}`);
const outOfTraffic = ({ balancers }: Estate) =>
  Object.entries(balancers['lb1.devco.net']?.app ?? {}).flatMap(([name, up]) => (up ? [] : [name]));
/** The same machines, later. */
function later(estate: Estate, options: EstateOptions = {}): Estate {
  const next = createEstate({ ...options, balancers: estate.balancers });
  Object.assign(next.revisions, estate.revisions);
  next.fabric.journal.push(...estate.fabric.journal);
  return next;
}

describe('the script of the seed', () => {
  test('calls what the seed calls, in its order, and prints what the seed prints', async () => {
    const estate = createEstate();
    const { report, out, err } = await run(estate);
    assert.equal(report.state, 'done');
    assert.deepEqual(called(estate), [
      'rpcutil.ping 1',
      'rpcutil.ping 4',
      'haproxy.disable 1',
      'haproxy.status 1',
      'appmgr.upgrade 2',
      'haproxy.status 1',
      'appmgr.upgrade 2',
      'haproxy.status 1',
      'nrpe.runcommand 4',
      'haproxy.status 1',
      'haproxy.enable 1',
      'angelia.sendmsg 1',
    ]);
    assert.deepEqual(estate.sent, [
      {
        node: 'notify1.devco.net',
        message: 'rip updated 4 node cluster bravo to revision 20',
        recipient: 'boxcar://rip@devco.net',
      },
    ]);
    assert.deepEqual(err, []);
    assert.deepEqual(out.slice(6), [
      '/Stage[main]//Angelia[bravo]/Mcollective[angelia_notify_bravo]/agent: angelianotify#sendmsg executed successfully on 1 node after 1 try',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns:  _________________________________________________',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns: < rip updated 4 node cluster bravo to revision 20 >',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns:  -------------------------------------------------',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns:         \\   ,__,',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns:          \\  (oo)____',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns:             (__)    )\\',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns:                ||--|| *',
      '/Stage[main]//Mco::Say[done]/Exec[done]/returns: executed successfully',
      'Finished catalog run in 0.02 seconds',
    ]);
  });

  test('calls nodes in parallel if possible: two calls to the fleet, and the run calls only the notifiers', async () => {
    const estate = createEstate();
    const { playbook } = await run(estate);
    assert.deepEqual(
      playbook.nodes.map(({ name }) => name),
      ['load_balancer', 'servers', 'angelia_notify_bravo'],
    );
  });

  for (const name of ['backend', 'revision', 'cluster'] as const) {
    test(`fails with the script’s own message without ${name}, and calls no node`, async () => {
      const estate = createEstate();
      const { [name]: _left, ...inputs } = upgrade;
      await assert.rejects(run(estate, inputs), (error) => {
        assert.ok(error instanceof Problem && error.code === 'script-failed');
        assert.match(error.message, new RegExp(`^Please specify a ${name} to manage using \\$${name} `));
        return true;
      });
      assert.deepEqual([estate.fabric.calls, estate.fabric.discovered], [[], []]);
    });
  }

  test('fails with the script’s own message for an unknown cluster, or without a load balancer', async () => {
    const failsWith = (message: RegExp) => (error: unknown) =>
      error instanceof Problem && error.code === 'nothing-found' && message.test(error.message);
    await assert.rejects(
      run(createEstate(), { ...upgrade, cluster: 'charlie' }),
      failsWith(/^Could not find any servers/),
    );
    await assert.rejects(run(createEstate({ balancers: {} })), failsWith(/^Could not find any loadbalancers/));
  });

  test('a dry run checks rights and changes, and changes nothing', async () => {
    const estate = createEstate();
    const { report, out } = await run(estate, upgrade, { dryRun: true });
    assert.equal(report.state, 'done');
    assert.deepEqual(outOfTraffic(estate), []);
    assert.deepEqual(new Set(Object.values(estate.revisions)), new Set(['10']));
    assert.ok(
      estate.fabric.calls.every(({ action, dryRun }) => dryRun || ['ping', 'may_i', 'runcommand'].includes(action)),
    );
    assert.match(out.at(-1) ?? '', /^Nothing was changed: dry run finished in/);
  });

  test('works with a single server, too', async () => {
    const estate = createEstate({
      balancers: { 'lb1.devco.net': { app: { [bravo[0] ?? '']: true, 'dev1.devco.net': true } } },
    });
    const one = script.replace(/fact => "[^"]*"/, 'identity => "dev2.devco.net"');
    const { report } = await runText(one, upgrade, estate.fabric);
    assert.equal(report.state, 'done');
    assert.equal(estate.revisions['dev2.devco.net'], '20');
  });
});

describe('the script of the seed when something fails', () => {
  test('stops and leaves the servers out if one of them was enabled meanwhile', async () => {
    let estate: Estate | undefined;
    let batches = 0;
    const onCall = ({ action }: { action: string }) => {
      if (action === 'upgrade' && batches++ === 0) estate?.putIn('lb1.devco.net', 'dev2.devco.net', 'a person did');
    };
    estate = createEstate({ onCall });
    const { report } = await run(estate);
    assert.equal(report.state, 'failed');
    assert.match(report.failure?.reasons[0]?.reason ?? '', /dev2.devco.net was put into traffic .* a person did/);
    assert.equal(Object.keys(estate.switches).length, 2);
    assert.ok(!called(estate).includes('haproxy.enable 1'));
  });

  test('leaves the servers out when a node fails, and names everything that depends on it', async () => {
    const estate = createEstate();
    const { report, err } = await run(estate, { ...upgrade, revision: '30' });
    assert.equal(report.state, 'failed');
    assert.deepEqual(outOfTraffic(estate), bravo);
    const skipped = err.filter((line) => line.endsWith('Skipping because of failed dependencies'));
    assert.deepEqual(
      skipped.map((line) => line.replace(/^\/Stage\[main\]\/\/(.*): Skipping.*/, '$1')),
      [
        'App::Update[bravo]/Nrpe::Runcommand[check_load]/Mcollective[nrpe_check_load]',
        'App::Update[bravo]/Haproxy::Enable[bravo]/Mcollective[haproxy::enable::app/bravo]',
        'Angelia[bravo]/Mcollective[angelia_notify_bravo]',
        'Mco::Say[done]/Exec[done]',
      ],
    );
    assert.match(err.join('\n'), /Nrpe::Runcommand.*: Dependency Mcollective\[update_bravo\] has failures: true/);
    assert.match(err.join('\n'), /update_bravo\]\/agent: never called: dev6\.devco\.net, dev8\.devco\.net/);

    const again = later(estate);
    assert.equal((await run(again)).report.state, 'done');
    assert.deepEqual(outOfTraffic(again), []);
  });

  test('gives a load 10 tries, 10 seconds apart; if it never settles, the servers stay out and nobody is notified', async () => {
    const estate = createEstate({ load: [2] });
    const { report, err } = await run(estate);
    assert.equal(report.state, 'failed');
    const checks = estate.fabric.calls.filter(({ agent }) => agent === 'nrpe');
    assert.deepEqual(
      checks.map((call) => call.try),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    assert.deepEqual(estate.fabric.slept, Array(9).fill(10_000));
    assert.deepEqual(outOfTraffic(estate), bravo);
    assert.deepEqual(estate.sent, []);
    assert.match(
      err.join('\n'),
      /nrpe_check_load\]\/agent: change from notrun to nrpe failed: Failed after 10 tries: nrpe#runcommand on 4 of 4 nodes/,
    );
    assert.match(err.join('\n'), /dev2\.devco\.net: check_load is CRITICAL/);
  });

  test('calls only the nodes that failed again', async () => {
    const estate = createEstate({
      troubles: [{ node: 'dev4.devco.net', call: 'appmgr.upgrade', kind: 'failed', tries: [1] }],
    });
    assert.equal((await run(estate)).report.state, 'done');
    const upgrades = estate.fabric.calls.filter(({ agent }) => agent === 'appmgr').map(({ nodes }) => nodes);
    assert.deepEqual(upgrades, [bravo.slice(0, 2), ['dev4.devco.net'], bravo.slice(2)]);
  });

  test('resumes at its last step, with the nodes that it began with', async () => {
    const estate = createEstate({
      troubles: [{ node: 'dev8.devco.net', call: 'appmgr.upgrade', kind: 'no-response' }],
    });
    assert.equal((await run(estate)).report.state, 'failed');
    const next = later(estate);
    const { report } = await run(next, upgrade, { resume: true });
    assert.equal(report.state, 'done');
    const upgraded = next.fabric.calls.filter(({ agent }) => agent === 'appmgr');
    assert.deepEqual(
      upgraded.map(({ step, nodes }) => [step, nodes]),
      [[update, ['dev8.devco.net']]],
    );
    assert.deepEqual(outOfTraffic(next), []);
  });

  test('uses another notification node when one fails', async () => {
    const estate = createEstate({
      troubles: [{ node: 'notify1.devco.net', call: 'angelia.sendmsg', kind: 'no-response' }],
    });
    const { report, out } = await run(estate);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      estate.sent.map(({ node }) => node),
      ['notify2.devco.net'],
    );
    assert.match(out.join('\n'), /angelianotify#sendmsg executed successfully on 1 node/);
  });

  test('does not begin when a known server is silent', async () => {
    const silent = [{ name: 'dev4.devco.net', by: 'cache' }];
    const estate = createEstate({ silent });
    const { report, err } = await run(estate);
    assert.equal(report.state, 'failed');
    assert.deepEqual(estate.fabric.calls, []);
    assert.match(err.join('\n'), /servers: dev4\.devco\.net: it is silent/);
  });
});
