import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatEvent } from '../../../src/playbook/events/format.ts';
import { alfa, bravo, createEstate } from '../../support/fleet/estate.ts';
import { called, lines, run, stepOf, upgrade } from '../../support/fleet/upgrade.ts';

describe('app_cluster_upgrade at the load balancers', () => {
  test('a load balancer that does not know one of the servers keeps all of them from being changed', async () => {
    const all = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
    const { 'dev8.devco.net': _unknown, ...fewer } = all;
    const balancers = { 'lb1.devco.net': { app: { ...all } }, 'lb2.devco.net': { app: { ...fewer } } };
    const estate = createEstate({ balancers });
    const report = await run(estate, { ...upgrade, backend: 'app' });
    assert.equal(report.state, 'failed');
    assert.equal(report.failure?.step, 'known_everywhere');
    assert.match(
      report.failure?.reasons[0]?.reason ?? '',
      /of the backends app leads to dev8.devco.net on lb2.devco.net;/,
    );
    assert.ok(!called(estate).includes('disable'));
    assert.ok(Object.values(balancers['lb1.devco.net'].app).every((up) => up));
    assert.deepEqual(stepOf(report, 'untouched')?.lines, ['nothing was changed']);
  });

  test('a second load balancer that refuses after the first agreed: nothing is upgraded and the first is restored', async () => {
    const all = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
    const balancers = { 'lb1.devco.net': { app: { ...all } }, 'lb2.devco.net': { app: { ...all } } };
    let asked = 0;
    const estate = createEstate({
      balancers,
      onCall: ({ step }) => {
        // The last one that was asked loses its servers between the question and the change.
        if (step === 'disable' && asked++ === 0) balancers['lb2.devco.net'].app = {};
      },
    });
    const report = await run(estate);
    assert.equal(report.failure?.step, 'disable');
    assert.ok(!called(estate).includes('update'));
    assert.equal(stepOf(report, 'put_back')?.state, 'done');
    assert.deepEqual(stepOf(report, 'put_back')?.ok, ['lb1.devco.net']);
    assert.ok(Object.values(balancers['lb1.devco.net'].app).every((up) => up));
  });

  test('a load balancer without the backend is left alone', async () => {
    const all = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
    const balancers = { 'lb1.devco.net': { app: { ...all } }, 'lb2.devco.net': { mail: { mx1: true } } };
    const estate = createEstate({ balancers });
    const report = await run(estate);
    assert.equal(report.state, 'done');
    assert.deepEqual(estate.fabric.calls.find(({ step }) => step === 'disable')?.nodes, ['lb1.devco.net']);
  });

  test('a load balancer that leads to the servers only in another backend is named', async () => {
    const all = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
    const [server = ''] = bravo;
    const balancers = { 'lb1.devco.net': { app: { ...all } }, 'lb2.devco.net': { other: { [server]: true } } };
    const report = await run(createEstate({ balancers }), { ...upgrade, backend: 'app' });
    assert.equal(report.state, 'done');
    const said = `${server} is still serving in other/${server} on lb2.devco.net`;
    assert.deepEqual(stepOf(report, 'other_balancers')?.lines, [said]);
    assert.ok(Object.values(balancers['lb2.devco.net'].other).every((up) => up));
  });

  test('no load balancer with the servers is an error that lists the existing ones', async () => {
    const report = await run(createEstate({ balancers: { 'lb1.devco.net': { mail: { mx1: true } } } }));
    assert.deepEqual(
      report.failure?.reasons[0]?.reason,
      'no line of any load balancer leads to dev2.devco.net, dev4.devco.net, dev6.devco.net, dev8.devco.net; there are the backends mail',
    );
  });

  test('a backend that no load balancer has is an error that lists the existing ones', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, backend: 'ap' });
    assert.equal(report.failure?.step, 'backend_exists');
    assert.deepEqual(report.failure?.reasons[0]?.reason, 'no load balancer has a backend “ap”; there are app');
    const list = await run(createEstate(), { ...upgrade, backend: 'app,statik,api' });
    assert.equal(list.failure?.reasons[0]?.reason, 'no load balancer has a backend “statik”, “api”; there are app');
    assert.deepEqual(called(estate), ['ping_balancers', 'ping_web', 'hosting', 'notify_failure']);
  });

  test('never takes out more servers than min_available leaves', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, min_available: '6' });
    assert.equal(report.failure?.step, 'ask');
    assert.ok(Object.values(estate.balancers['lb1.devco.net']?.app ?? {}).every((up) => up));
  });
});

describe('app_cluster_upgrade with invalid inputs or without rights', () => {
  test('an unknown revision or cluster is reported before anything is changed', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, revision: '99' });
    assert.equal(report.failure?.step, 'revision_exists');
    assert.equal(report.failure?.reasons[0]?.reason, `revision 99 is not on ${bravo.join(', ')}`);
    assert.ok(!called(estate).includes('ask'));
    const nowhere = await run(createEstate(), { ...upgrade, cluster: 'brava' });
    assert.equal(nowhere.failure?.reasons[0]?.code, 'empty-set');
    assert.equal(nowhere.failure?.reasons[0]?.reason, 'no web server of cluster “brava” was found');
  });

  test('an operator without the right is stopped before anything is changed', async () => {
    const troubles = bravo.map((node) => ({ node, call: 'rpcutil.ping', kind: 'refused' }) as const);
    const estate = createEstate({ troubles });
    const report = await run(estate);
    assert.equal(report.failure?.step, 'ping_web');
    assert.ok(report.failure?.reasons.every(({ code }) => code === 'policy-denied'));
  });

  test('a run without a recipient needs notify=false', async () => {
    const nobody = { cluster: 'bravo', revision: '20' };
    const report = await run(createEstate(), nobody);
    assert.equal(report.failure?.step, 'recipient');
    const estate = createEstate();
    const quiet = await run(estate, { ...nobody, notify: 'false' });
    assert.equal(quiet.state, 'done');
    assert.deepEqual(estate.sent, []);
    assert.equal(stepOf(quiet, 'notify')?.state, 'skipped');
  });

  for (const [input, value] of [
    ['cluster', '/.*/'],
    ['cluster', 'a=b'],
    ['cluster', ''],
    ['cluster', 'bravo\n'],
    ['revision', '../20'],
    ['revision', '-r'],
    ['backend', 'app;disable'],
    ['min_available', '-1'],
    ['min_available', 'two'],
    ['notify', 'yes'],
  ] as const) {
    test(`refuses ${input}=${JSON.stringify(value)}`, async () => {
      await assert.rejects(run(createEstate(), { ...upgrade, [input]: value }), { code: 'bad-input' });
    });
  }
});

describe('app_cluster_upgrade as a dry run', () => {
  test('a dry run finds an unknown revision, too', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, revision: '21' }, { dryRun: true });
    assert.equal(report.failure?.step, 'revision_exists');
    assert.ok(estate.fabric.calls.every(({ dryRun }) => !dryRun));
  });

  test('a dry run checks everything, changes nothing, waits for nothing and prints the plan', async () => {
    const estate = createEstate({ load: [1] });
    const report = await run(estate, upgrade, { dryRun: true });
    assert.equal(report.state, 'done');
    for (const name of bravo) assert.equal(estate.revisions[name], '10');
    assert.deepEqual(estate.sent, []);
    assert.deepEqual(estate.fabric.slept, []);
    assert.ok(
      estate.fabric.calls
        .filter(({ dryRun }) => !dryRun)
        .every(({ step }) => !['disable', 'update', 'enable', 'notify'].includes(step)),
    );
    const printed = lines(estate);
    assert.ok(
      printed.includes(
        `[bravo] update: appmgr#upgrade on 4 nodes in 2 batches: ${bravo.slice(0, 2).join(', ')} | ${bravo.slice(2).join(', ')}`,
      ),
    );
    assert.ok(printed.includes('[bravo] done: would say: rip updated 4 node cluster bravo to revision 20'));
    assert.match(printed.at(-1) ?? '', /^Nothing was changed: dry run of app_cluster_upgrade for bravo finished in /);
  });

  test('a dry run prints one line for each host that would change', async () => {
    const every = () => Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
    const balancers = { 'lb1.devco.net': { app: every() }, 'lb2.devco.net': { app: every() } };
    const estate = createEstate({ balancers });
    await run(estate, upgrade, { dryRun: true });
    assert.deepEqual(
      estate.fabric.events.flatMap((event) => formatEvent(event, 'difference')),
      [
        ...bravo.map((name) => `${name}: 10 → 20; out of app on lb1.devco.net, lb2.devco.net (5 of 9 stay)`),
        'Nothing was changed: dry run of app_cluster_upgrade for bravo finished in 0.04 seconds',
      ],
    );
  });
});
