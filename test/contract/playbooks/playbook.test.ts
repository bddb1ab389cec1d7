import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { stepKinds } from '../../../src/playbook/steps/index.ts';
import { shippedPlaybooks } from '../../../src/playbooks.ts';
import { alfa, bravo, createEstate } from '../../support/fleet/estate.ts';
import type { Backends } from '../../support/fleet/memory-balancer.ts';
import { loadShipped } from '../../support/fleet/shipped.ts';
import { called, lines, run, stepOf, upgrade } from '../../support/fleet/upgrade.ts';

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

  test('reports which servers somebody had taken out of traffic, and puts them in', async () => {
    const every = (out = '') => Object.fromEntries([...alfa, ...bravo].map((name) => [name, name !== out]));
    const balancers = { 'lb1.devco.net': { app: every() }, 'lb2.devco.net': { app: every(bravo[0]) } };
    const estate = createEstate({ balancers });
    await run(estate);
    const out = lines(estate).filter((line) => line.includes('already'));
    const who = `lb2.devco.net: ${bravo[0]} was taken out of traffic`;
    assert.deepEqual(out, [`[bravo] out_already: ${who}; all servers are put into traffic in the end`]);
    assert.equal(estate.balancers['lb2.devco.net']?.app?.[bravo[0] ?? ''], true);
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

  test('sends the application’s name to the nodes if one is given', async () => {
    const estate = createEstate();
    await run(estate, { ...upgrade, application: 'shop' });
    const asked = estate.fabric.calls.filter(({ agent }) => agent === 'appmgr').map(({ input }) => input.application);
    assert.ok(asked.length > 1 && asked.every((name) => name === 'shop'), String(asked));
  });
});

describe('app_cluster_upgrade when something fails', () => {
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
});
