import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Lab, startLab } from '../support/lab/lab.ts';
import type { LogLine } from '../support/lab/log.ts';
import { startRun } from '../support/lab/upgrades/runs.ts';

const bravo = ['dev2.devco.net', 'dev4.devco.net', 'dev6.devco.net', 'dev8.devco.net'];
const script = ['orchestrate', 'app_cluster_upgrade', 'backend=app', 'cluster=bravo', 'revision=20'];

const revisions = (lab: Lab, hosts: readonly string[]) => Promise.all(hosts.map((host) => lab.revision(host)));
const inMaintenance = async (lab: Lab) =>
  (await lab.servers()).filter(({ status }) => status === 'MAINT').map(({ name }) => name);

describe('scripts that fail or are interrupted, on twelve hosts', () => {
  test('names everything that it skips when nodes fail, and the same command then completes', async () => {
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

  test('resumes after a node failed in the middle, and after it was killed', async () => {
    await using lab = await startLab();
    const isDone = (step: string) => (entry: LogLine) => entry.type === 'step-finished' && entry.step === step;
    const isCall = (step: string, batch: number) => (entry: LogLine) =>
      entry.type === 'call' && entry.step === step && entry.batch === batch;
    const update = 'App::Update[bravo]/Mcollective[update_bravo]';
    const failing = await startRun(lab, script);
    await failing.until(isDone('App::Update[bravo]/Haproxy::Disable[bravo]/Mcollective[haproxy::disable::app/bravo]'));
    await lab.daemon('dev8').kill();
    const failed = await failing.ended;
    // Silence alone has its own code.
    assert.equal(failed.code, 5, failed.stdout + failed.stderr);
    assert.match(failed.stderr, /dev8\.devco\.net: .*\(no-response\)/);
    assert.match(failed.stderr, /to continue: mco-deploy resume [0-9a-f]{32}\n$/);
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
