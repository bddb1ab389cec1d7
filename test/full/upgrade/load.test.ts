import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { allUp, asked, bravo, inMaintenance, writeQuickPlaybook } from '../../support/lab/upgrades/cluster.ts';
import { startLab } from '../../support/lab/lab.ts';

describe('mco-deploy upgrade, when a load is not normal', () => {
  test('does not enable servers whose check stays critical, and sends a notification of that', async () => {
    await using lab = await startLab();
    const plugin = lab.path('dev4', 'srv/critical');
    await writeFile(plugin, '#!/bin/sh\necho "CRITICAL - made so"\nexit 2\n', { mode: 0o755 });
    await appendFile(lab.path('dev4', 'etc/nagios/nrpe.cfg'), 'command[check_load]=/srv/critical\n');
    const playbook = await writeQuickPlaybook(lab, { 'try_sleep: 10s': 'try_sleep: 100ms', 'tries: 10': 'tries: 3' });
    const { code, stdout, stderr } = await lab.client(['run', playbook, 'cluster=bravo', 'revision=20']);
    assert.equal(code, 2, stdout + stderr);
    assert.match(stdout, /nrpe#runcommand failed on 1 of 4 nodes after 3 tries/);
    assert.match(stdout, /on dev4\.devco\.net: check_load is CRITICAL, CRITICAL - made so/);
    assert.deepEqual(await inMaintenance(lab), bravo);
    assert.match(JSON.stringify(await lab.mail(1)), /failed: Check the load /);
  });

  test('waits for a load that settles after the third try', async () => {
    await using lab = await startLab();
    await lab.setLoad('dev6', '99.00 99.00 99.00 1/100 1000');
    const playbook = await writeQuickPlaybook(lab, { 'try_sleep: 10s': 'try_sleep: 200ms' });
    const running = lab.client(['run', playbook, 'cluster=bravo', 'revision=20']);
    await lab.calls('dev6', 'nrpe', 'runcommand', 3);
    await lab.setLoad('dev6', '0.10 0.10 0.10 1/100 1000');
    const { code, stdout } = await running;
    assert.equal(code, 0, stdout);
    assert.match(stdout, /nrpe#runcommand executed successfully on 4 nodes after [4-9] tries/);
    assert.ok(await allUp(lab));
    const others = (await asked(lab, 'dev2')).filter((call) => call === 'nrpe.runcommand');
    assert.equal(others.length, 1, 'who passed is not asked again');
  });
});
