import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isNode } from '../support/lab/estate.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';
import type { LogLine } from '../support/lab/log.ts';
import { startRun } from '../support/lab/runs.ts';

const bravo = ['dev2.devco.net', 'dev4.devco.net', 'dev6.devco.net', 'dev8.devco.net'];
const script = ['orchestrate', 'app_cluster_upgrade', 'backend=app', 'cluster=bravo', 'revision=20'];

const revisions = (lab: Lab, hosts: readonly string[]) => Promise.all(hosts.map((host) => lab.revision(host)));
const inMaintenance = async (lab: Lab) =>
  (await lab.servers()).filter(({ status }) => status === 'MAINT').map(({ name }) => name);
const asked = async (lab: Lab, host: string) =>
  (await lab.audit(host)).filter(({ kind }) => kind === 'intent').map(({ agent, action }) => `${agent}.${action}`);
const withoutLocks = (calls: readonly string[]) => calls.filter((call) => !call.startsWith('lock.'));
/** All that any host was asked to do. */
const askedOfAll = async (lab: Lab) =>
  (await Promise.all(lab.hosts.filter(isNode).map(({ name }) => asked(lab, name)))).flat();

describe('mco-deploy orchestrate on twelve hosts', () => {
  test('runs the script of the seed: its output, its audit lines, one cluster changed, no request lost', async () => {
    await using lab = await startLab();
    const load = await lab.load({ rate: 200 });
    const { code, stdout, stderr } = await lab.client(script);
    const { requests, failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, [], `of ${requests} requests`);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.deepEqual(await revisions(lab, ['dev1', 'dev3', 'dev5', 'dev7', 'dev9']), ['10', '10', '10', '10', '10']);
    assert.deepEqual(await inMaintenance(lab), []);

    const update = '/Stage[main]//App::Update[bravo]';
    const said = 'rip@devco.net updated 4 node cluster bravo to revision 20';
    const done = (nodes: string) => `executed successfully on ${nodes} after 1 try`;
    const lines = stdout.trimEnd().split('\n');
    assert.deepEqual(lines.slice(0, 7), [
      `${update}/Mco::Ping[bravo-lb]/Mcollective[ping_bravo-lb]/agent: rpcutil#ping ${done('1 node')}`,
      `${update}/Mco::Ping[bravo-workers]/Mcollective[ping_bravo-workers]/agent: rpcutil#ping ${done('4 nodes')}`,
      `${update}/Haproxy::Disable[bravo]/Mcollective[haproxy::disable::app/bravo]/agent: haproxy#disable ${done('1 node')}`,
      `${update}/Mcollective[update_bravo]/agent: appmgr#upgrade ${done('4 nodes')}`,
      `${update}/Nrpe::Runcommand[check_load]/Mcollective[nrpe_check_load]/agent: nrpe#runcommand ${done('4 nodes')}`,
      `${update}/Haproxy::Enable[bravo]/Mcollective[haproxy::enable::app/bravo]/agent: haproxy#enable ${done('1 node')}`,
      `/Stage[main]//Angelia[bravo]/Mcollective[angelia_notify_bravo]/agent: angelianotify#sendmsg ${done('1 node')}`,
    ]);
    const cow = lines.slice(7, -1).map((line) => line.replace('/Stage[main]//Mco::Say[done]/Exec[done]/returns: ', ''));
    assert.equal(cow[1], `< ${said} >`);
    assert.match(cow.join('\n'), /\(oo\)____[\s\S]*\|\|--\|\| \*\nexecuted successfully$/);
    assert.match(lines.at(-1) ?? '', /^Finished catalog run in \d+\.\d\d seconds$/);

    assert.deepEqual(withoutLocks(await asked(lab, 'dev2')), ['rpcutil.ping', 'appmgr.upgrade', 'nrpe.runcommand']);
    assert.deepEqual(withoutLocks(await asked(lab, 'lb1')), [
      'rpcutil.ping',
      'haproxy.disable',
      // Once more before the second batch: it must still hold.
      'haproxy.disable',
      'haproxy.enable',
    ]);
    assert.deepEqual(withoutLocks(await asked(lab, 'notify1')), ['angelia.sendmsg']);
    assert.deepEqual(await asked(lab, 'dev1'), []);
    const shown = await lab.exec('notify1', ['mco-deploy', 'audit', 'show']);
    assert.match(
      shown.stdout,
      /caller=cert=rip@devco\.net agent=angelia action=sendmsg data=\{.*"puppet orchestration"/,
    );
    const [push] = await lab.webhooks(1);
    assert.match(JSON.stringify(push), /\/boxcar.*updated 4 node cluster bravo to revision 20/);
  });

  test('with an input left out, an unknown cluster or no load balancer says what the script says, and calls nobody', async () => {
    await using lab = await startLab();
    const cases: readonly (readonly [string[], number, RegExp])[] = [
      [['cluster=bravo', 'revision=20'], 64, /Please specify a backend to manage using \$backend/],
      [['cluster=bravo', 'backend=app'], 64, /Please specify a revision to manage using \$revision/],
      [['revision=20', 'backend=app'], 64, /Please specify a cluster to manage using \$cluster/],
      [['backend=app', 'revision=20', 'cluster=charlie'], 1, /Could not find any servers to manage/],
    ];
    for (const [inputs, expected, message] of cases) {
      const { code, stdout, stderr } = await lab.client(['orchestrate', 'app_cluster_upgrade', ...inputs]);
      assert.equal(code, expected, stdout + stderr);
      assert.match(stderr, message);
      assert.equal(stdout, '');
    }
    await lab.daemon('lb1').stop();
    await lab.client(['forget', 'lb1.devco.net']);
    const { code, stderr } = await lab.client(script);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Could not find any loadbalancers to manage/);
    assert.deepEqual(await askedOfAll(lab), []);
  });

  test('names all that it skips when nodes fail; and the same command puts it right', async () => {
    await using lab = await startLab();
    const broken = await lab.client(script.with(4, 'revision=broken'));
    assert.equal(broken.code, 2, broken.stdout + broken.stderr);
    const update = '/Stage[main]//App::Update[bravo]';
    assert.match(
      broken.stderr,
      /Mcollective\[update_bravo\]\/agent: change from notrun to appmgr failed: Failed after 2 tries/,
    );
    const check = `${update}/Nrpe::Runcommand[check_load]/Mcollective[nrpe_check_load]`;
    assert.ok(
      broken.stderr.includes(`${check}: Dependency Mcollective[update_bravo] has failures: true`),
      broken.stderr,
    );
    for (const skipped of [
      check,
      `${update}/Haproxy::Enable[bravo]/Mcollective[haproxy::enable::app/bravo]`,
      '/Stage[main]//Angelia[bravo]/Mcollective[angelia_notify_bravo]',
      '/Stage[main]//Mco::Say[done]/Exec[done]',
    ]) {
      assert.ok(broken.stderr.includes(`${skipped}: Skipping because of failed dependencies`), skipped);
    }
    assert.deepEqual(await inMaintenance(lab), bravo);

    const again = await lab.client(script);
    assert.equal(again.code, 0, again.stdout + again.stderr);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.deepEqual(await inMaintenance(lab), []);
  });

  test('is resumed after a node failed in the middle, and after it was killed', async () => {
    await using lab = await startLab();
    const isDone = (step: string) => (entry: LogLine) => entry.type === 'step-finished' && entry.step === step;
    const isCall = (step: string, batch: number) => (entry: LogLine) =>
      entry.type === 'call' && entry.step === step && entry.batch === batch;
    const update = 'App::Update[bravo]/Mcollective[update_bravo]';
    const failing = await startRun(lab, script);
    await failing.until(isDone('App::Update[bravo]/Haproxy::Disable[bravo]/Mcollective[haproxy::disable::app/bravo]'));
    await lab.daemon('dev8').kill();
    const failed = await failing.ended;
    assert.equal(failed.code, 2, failed.stdout + failed.stderr);
    assert.match(failed.stderr, /dev8\.devco\.net: .*\(no-response\)/);
    assert.match(failed.stderr, /mco-deploy resume [0-9a-f]{32}\n$/);
    assert.deepEqual(await inMaintenance(lab), bravo);
    await lab.daemon('dev8').start();
    const resumed = await lab.client(['resume', failing.id]);
    assert.equal(resumed.code, 0, resumed.stdout + resumed.stderr);
    assert.match(resumed.stdout, /Mcollective\[update_bravo\]\/agent: appmgr#upgrade executed successfully on 4 nodes/);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.deepEqual(await inMaintenance(lab), []);

    const killed = await startRun(lab, script.with(4, 'revision=10'));
    await killed.until(isCall(update, 2));
    killed.kill();
    await killed.ended;
    assert.deepEqual(await inMaintenance(lab), bravo);
    const second = await lab.client(['resume', killed.id]);
    assert.equal(second.code, 0, second.stdout + second.stderr);
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    assert.deepEqual(await inMaintenance(lab), []);
  });
});
