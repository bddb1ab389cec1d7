import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { agents } from '../../src/agents/index.ts';
import type { RunReport } from '../../src/playbook/events/events.ts';
import { bindInputs } from '../../src/playbook/inputs/inputs.ts';
import { loadPlaybook } from '../../src/playbook/compile/load.ts';
import { formatEvent } from '../../src/playbook/events/format.ts';
import { runPlaybook } from '../../src/playbook/run/run.ts';
import { stepKinds } from '../../src/playbook/steps/index.ts';
import type { RunOptions } from '../../src/playbook/run/start-context.ts';
import { shippedPlaybooks } from '../../src/playbooks.ts';
import { alfa, type Backends, bravo, createEstate, type Estate } from '../support/fleet/estate.ts';
import { loadShipped } from '../support/fleet/shipped.ts';

const file = 'playbooks/app_cluster_upgrade.yaml';
const catalogue = agents.map(({ ddl }) => ddl);
const upgrade = { cluster: 'bravo', revision: '20', recipient: 'mailto:ops@devco.net' };

async function run(estate: Estate, inputs: Record<string, unknown> = upgrade, options: RunOptions = {}) {
  const playbook = await loadPlaybook(file, catalogue);
  return runPlaybook(playbook, bindInputs(playbook, inputs), estate.fabric.ports, options);
}

function called(estate: Estate): string[] {
  return estate.fabric.calls.map(({ step }) => step);
}

function stepOf(report: RunReport, id: string) {
  return report.steps.find((step) => step.id === id);
}

function lines(estate: Estate): string[] {
  return estate.fabric.events.flatMap((event) => formatEvent(event));
}

test('every kind of step is in the list', async () => {
  const files = await readdir('src/playbook/steps');
  const kinds = files.filter((name) => !['index.ts', 'kind.ts'].includes(name));
  assert.deepEqual(kinds.sort(), stepKinds.map(({ key }) => `${key}.ts`).sort());
});

test('every shipped playbook is valid by the shipped DDLs', async () => {
  const names = (await readdir('playbooks')).flatMap((name) => /^(.*)\.yaml$/.exec(name)?.[1] ?? []);
  assert.deepEqual(Object.keys(shippedPlaybooks), names.sort());
  for (const name of names) assert.equal((await loadShipped(name)).name, name);
});

describe('app_cluster_upgrade', () => {
  test('upgrades exactly the cluster’s servers, each once, and all take traffic afterwards', async () => {
    const estate = createEstate();
    const report = await run(estate);
    assert.equal(report.state, 'done');
    for (const name of bravo) assert.equal(estate.revisions[name], '20');
    for (const name of alfa) assert.equal(estate.revisions[name], '10');
    assert.deepEqual(estate.switches, Object.fromEntries(bravo.map((name) => [name, 1])));
    assert.ok(Object.values(estate.balancers['lb1.devco.net']?.app ?? {}).every((up) => up));
    assert.deepEqual(estate.sent, [
      {
        node: 'notify1.devco.net',
        message: 'rip updated 4 node cluster bravo to revision 20',
        recipient: 'mailto:ops@devco.net',
      },
    ]);
    assert.deepEqual(called(estate), [
      'ping_balancers',
      'ping_web',
      'hosting',
      'releases',
      'traffic',
      'ask',
      'disable',
      'update.proof',
      'update',
      'update.proof',
      'update',
      'update.proof',
      'check_load',
      'enable.proof',
      'enable',
      'notify',
    ]);
  });

  test('reports what the seed reports', async () => {
    const estate = createEstate();
    await run(estate);
    assert.deepEqual(lines(estate), [
      '[bravo] ping_balancers: rpcutil#ping executed successfully on 1 node after 1 try',
      '[bravo] ping_web: rpcutil#ping executed successfully on 4 nodes after 1 try',
      '[bravo] hosting: haproxy#list executed successfully on 1 node after 1 try',
      '[bravo] releases: appmgr#status executed successfully on 4 nodes after 1 try',
      '[bravo] traffic: haproxy#status executed successfully on 1 node after 1 try',
      '[bravo] ask: haproxy#disable executed successfully on 1 node after 1 try, without changing anything',
      '[bravo] disable: haproxy#disable executed successfully on 1 node after 1 try',
      '[bravo] update: appmgr#upgrade executed successfully on 4 nodes after 1 try',
      '[bravo] check_load: nrpe#runcommand executed successfully on 4 nodes after 1 try',
      '[bravo] enable: haproxy#enable executed successfully on 1 node after 1 try',
      '[bravo] notify: angelia#sendmsg executed successfully on 1 node after 1 try',
      '[bravo] done:  _________________________________________________',
      '[bravo] done: < rip updated 4 node cluster bravo to revision 20 >',
      '[bravo] done:  -------------------------------------------------',
      '[bravo] done:         \\   ,__,',
      '[bravo] done:          \\  (oo)____',
      '[bravo] done:             (__)    )\\',
      '[bravo] done:                ||--|| *',
      'Finished app_cluster_upgrade for bravo in 0.03 seconds',
      'bravo 10 → 20 on 4 nodes in 0.0 s',
    ]);
  });

  test('a second run changes nothing, only reads from HAProxy, notifies nobody, and reports that', async () => {
    const estate = createEstate();
    await run(estate);
    const again = createEstate({ balancers: estate.balancers });
    Object.assign(again.revisions, estate.revisions);
    const report = await run(again);
    assert.equal(report.state, 'nothing-to-do');
    assert.deepEqual(called(again), ['ping_balancers', 'ping_web', 'hosting', 'releases', 'traffic']);
    assert.deepEqual(again.sent, []);
    assert.deepEqual(stepOf(report, 'nothing_to_do')?.lines, [
      'nothing to do: all 4 web servers of cluster bravo are at revision 20 and take traffic',
    ]);
  });

  test('a broken release stops the run with the servers out of traffic and the untouched ones named', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, revision: '30' });
    assert.equal(report.state, 'failed');
    assert.equal(report.failure?.step, 'update');
    assert.deepEqual(
      stepOf(report, 'update')?.failed.map(({ node, code }) => [node, code]),
      bravo.slice(0, 2).map((name) => [name, 'unhealthy']),
    );
    assert.deepEqual(stepOf(report, 'update')?.untouched, bravo.slice(2));
    for (const id of ['check_load', 'enable', 'notify', 'done']) assert.equal(stepOf(report, id)?.state, 'not-run');
    assert.deepEqual(stepOf(report, 'out_of_rotation')?.lines, [
      `out of rotation: ${bravo.join(', ')} on lb1.devco.net`,
    ]);
    assert.deepEqual(estate.sent, [
      {
        node: 'notify1.devco.net',
        recipient: 'mailto:ops@devco.net',
        message: [
          `run ${report.runId} by rip`,
          'Failed in update: app_cluster_upgrade for bravo in 0.02 seconds',
          '  failed: Upgrade the servers (appmgr#upgrade)',
          '  on dev2.devco.net, dev4.devco.net: revision 30 answers HTTP 500 (unhealthy)',
          `  out of traffic: ${bravo.join(', ')} of app on lb1.devco.net`,
          '  untouched: dev6.devco.net, dev8.devco.net',
          `to continue: mco-deploy resume ${report.runId}`,
        ].join('\n'),
      },
    ]);

    const good = createEstate({ balancers: estate.balancers });
    Object.assign(good.revisions, estate.revisions);
    const second = await run(good);
    assert.equal(second.state, 'done');
    for (const name of bravo) assert.equal(good.revisions[name], '20');
    assert.ok(Object.values(good.balancers['lb1.devco.net']?.app ?? {}).every((up) => up));
  });

  test('a check that stays critical leaves the servers out, and the recipient is notified why', async () => {
    const estate = createEstate({ load: [2] });
    const report = await run(estate);
    assert.equal(report.failure?.step, 'check_load');
    assert.equal(estate.fabric.slept.length, 9);
    assert.match(report.failure?.reasons[0]?.reason ?? '', /^check_load is CRITICAL, CRITICAL - load average/);
    assert.equal(stepOf(report, 'enable')?.state, 'not-run');
    const [{ message = '' } = {}, ...more] = estate.sent as { message?: string }[];
    assert.match(
      message,
      /failed: Check the load \(nrpe#runcommand\)\n {2}on .*: check_load is CRITICAL, CRITICAL - load/,
    );
    assert.deepEqual(more, []);
    for (const name of bravo) assert.equal(estate.balancers['lb1.devco.net']?.app?.[name], false);
  });

  test('waits for a load that settles', async () => {
    const estate = createEstate({ load: [2, 1, 0] });
    const report = await run(estate);
    assert.equal(report.state, 'done');
    assert.equal(stepOf(report, 'check_load')?.tries, 3);
    assert.deepEqual(estate.fabric.slept, [10_000, 10_000]);
  });

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

  for (const [backend, served] of [
    [undefined, []],
    ['api,app', ['pay']],
    ['api', ['app', 'pay']],
  ] as const) {
    test(`takes the servers out of one backend only, with the backend ${backend}`, async () => {
      const all = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
      const balancers: Record<string, Backends> = {
        'lb1.devco.net': { app: { ...all }, api: { ...all }, pay: { ...all } },
      };
      const serving = new Set<string>();
      const onCall = ({ action, dryRun }: { action: string; dryRun: boolean }) => {
        if (action !== 'upgrade' || dryRun) return;
        for (const [name, hosts] of Object.entries(balancers['lb1.devco.net'] ?? {})) {
          if (bravo.some((host) => hosts[host])) serving.add(name);
        }
      };
      const report = await run(createEstate({ balancers, onCall }), { ...upgrade, backend });
      assert.equal(report.state, 'done');
      assert.deepEqual([...serving].sort(), served);
    });
  }

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
    assert.equal(report.failure?.step, 'hosted');
    assert.deepEqual(report.failure?.reasons[0]?.reason, 'no load balancer has a backend “ap”; there are app');
    const list = await run(createEstate(), { ...upgrade, backend: 'app,statik,api' });
    assert.equal(list.failure?.reasons[0]?.reason, 'no load balancer has a backend “statik”, “api”; there are app');
    assert.deepEqual(called(estate), ['ping_balancers', 'ping_web', 'hosting', 'notify_failure']);
  });

  test('an unknown revision or cluster is reported before anything is changed', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, revision: '99' });
    assert.equal(report.failure?.step, 'revision_exists');
    assert.equal(report.failure?.reasons[0]?.reason, `revision 99 is not there for ${bravo.join(', ')}`);
    assert.ok(!called(estate).includes('ask'));
    const nowhere = await run(createEstate(), { ...upgrade, cluster: 'brava' });
    assert.equal(nowhere.failure?.reasons[0]?.code, 'empty-set');
    assert.equal(nowhere.failure?.reasons[0]?.reason, 'no web server of cluster “brava” was found');
  });

  test('a dry run finds an unknown revision, too', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, revision: '21' }, { dryRun: true });
    assert.equal(report.failure?.step, 'revision_exists');
    assert.ok(estate.fabric.calls.every(({ dryRun }) => !dryRun));
  });

  test('never takes out more servers than min_available leaves', async () => {
    const estate = createEstate();
    const report = await run(estate, { ...upgrade, min_available: '6' });
    assert.equal(report.failure?.step, 'ask');
    assert.ok(Object.values(estate.balancers['lb1.devco.net']?.app ?? {}).every((up) => up));
  });

  test('a silent web server keeps the run from beginning; a silent notification server does not', async () => {
    const silent = [{ name: 'dev4.devco.net', by: 'dev2.devco.net' }];
    const report = await run(createEstate({ silent }));
    assert.deepEqual(
      report.failure?.reasons.map(({ node, code }) => [node, code]),
      [['dev4.devco.net', 'silent']],
    );
    const estate = createEstate({ silent: [{ name: 'notify1.devco.net', by: 'the cache' }] });
    assert.equal((await run(estate)).state, 'done');
    assert.equal(estate.sent[0]?.node, 'notify2.devco.net');
  });

  test('the other notification server takes over if the first fails', async () => {
    const estate = createEstate({
      troubles: [{ node: 'notify1.devco.net', call: 'angelia.sendmsg', kind: 'failed' }],
    });
    const report = await run(estate);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      estate.sent.map(({ node }) => node),
      ['notify2.devco.net'],
    );
    assert.ok(lines(estate).includes('  notify1.devco.net: notify1.devco.net is broken (broken)'));
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

  test('runs the named checks, each until it passes, or none', async () => {
    for (const [checks, commands] of [
      ['check_http,check_disk', ['check_http', 'check_disk']],
      [[], []],
    ] as const) {
      const estate = createEstate();
      const report = await run(estate, { ...upgrade, checks });
      assert.equal(report.state, 'done', JSON.stringify(report.failure));
      const made = estate.fabric.calls.filter(({ agent }) => agent === 'nrpe').map(({ input }) => input.command);
      assert.deepEqual(made, commands);
      for (const name of bravo) assert.equal(estate.revisions[name], '20');
    }
  });

  test('sends the application’s name to the nodes if one is given', async () => {
    const estate = createEstate();
    await run(estate, { ...upgrade, application: 'shop' });
    const asked = estate.fabric.calls.filter(({ agent }) => agent === 'appmgr').map(({ input }) => input.application);
    assert.ok(asked.length > 1 && asked.every((name) => name === 'shop'), String(asked));
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
