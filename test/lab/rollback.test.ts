import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { bravo, upServers } from '../support/lab/upgrades/cluster.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';

const runs = 'home/rip@devco.net/.local/state/mco-deploy/runs';

describe('the command rollback', () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab();
  });
  after(() => lab.stop());

  const back = (...more: string[]) => lab.client(['rollback', '--cluster', 'bravo', '--no-notify', ...more]);
  const upgrade = (...more: string[]) => lab.client(['upgrade', '--cluster', 'bravo', '--no-notify', ...more]);
  const assertServed = async (revision: string, text: string) => {
    for (const host of bravo) assert.equal(await lab.revision(host), revision, `${host}: ${text}`);
    const up = await upServers(lab);
    assert.equal(up.length, 9, text);
  };

  test('rollback undoes the last run from here, out of traffic, and loses no request', async () => {
    const upgraded = await upgrade('--rev', '20');
    assert.equal(upgraded.code, 0, upgraded.stdout + upgraded.stderr);
    const load = await lab.load();
    const { code, stdout, stderr } = await back();
    const { failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, []);
    assert.match(stderr, /undoing the run [0-9a-f]{32} of 20.*\nback to: dev2\.devco\.net=10\n/);
    assert.match(stdout, /brought 4 servers of cluster bravo back to revision 10/);
    await assertServed('10', stdout);
  });

  test('rollback calls the nodes if there is no journal, and a dry run changes nothing', async () => {
    const upgraded = await upgrade('--rev', '20');
    assert.equal(upgraded.code, 0, upgraded.stdout);
    await rm(lab.path('control', runs), { recursive: true });
    const dry = await back('--dry-run');
    assert.equal(dry.code, 0, dry.stdout + dry.stderr);
    await rm(lab.path('control', runs), { recursive: true });
    await assertServed('20', dry.stdout);
    const { code, stdout, stderr } = await back();
    assert.equal(code, 0, stdout + stderr);
    assert.match(stderr, /no run from here upgraded the cluster: 4 nodes asked what served before/);
    await assertServed('10', stdout);
  });

  test('a run with on-failure rollback goes back by itself if a release does not start', async () => {
    const { code, stdout, stderr } = await upgrade('--rev', 'broken', '--on-failure', 'rollback');
    assert.equal(code, 2, stdout + stderr);
    assert.match(stdout, /appmgr#upgrade failed on 2 of 4 nodes/);
    assert.match(stdout, /Put the servers back into traffic: haproxy#enable executed successfully on 1 node/);
    await assertServed('10', stdout);
  });
});
