import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { alfa, allUp, asked, bravo, inMaintenance, revisions, upgrade } from '../support/lab/upgrades/cluster.ts';
import { startLab } from '../support/lab/lab.ts';

describe('mco-deploy upgrade on twelve hosts', () => {
  test('changes exactly the cluster, loses no request, notifies, and writes everything to the audit logs', async () => {
    await using lab = await startLab();
    const load = await lab.load({ rate: 200 });
    const { code, stdout, stderr } = await lab.client(upgrade);
    const { requests, failures, bodies } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, [], `of ${requests} requests`);
    assert.ok(requests > 50, `${requests} requests were made`);
    assert.ok(
      Object.keys(bodies).some((body) => body.includes('10')),
      'the old revision was served meanwhile',
    );
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.deepEqual(await revisions(lab, alfa), ['10', '10', '10', '10', '10']);
    assert.ok(await allUp(lab), JSON.stringify(await lab.servers()));

    assert.match(stdout, /rpcutil#ping executed successfully on 4 nodes after 1 try/);
    assert.match(stdout, /haproxy#disable executed successfully on 1 node after 1 try\n/);
    assert.match(stdout, /appmgr#upgrade executed successfully on 4 nodes after 1 try/);
    assert.match(stdout, /nrpe#runcommand executed successfully on 4 nodes after 1 try/);
    assert.match(stdout, /haproxy#enable executed successfully on 1 node after 1 try/);
    assert.match(stdout, /angelia#sendmsg executed successfully on 1 node after 1 try/);
    assert.match(stdout, /< rip@devco\.net updated 4 node cluster bravo to revision 20 >/);
    assert.match(
      stdout,
      /Finished app_cluster_upgrade for bravo in \d+\.\d\d seconds\nbravo 10 → 20 on 4 nodes in \d[^\n]* s\n$/,
    );
    const [mail] = await lab.mail(1);
    assert.match(JSON.stringify(mail), /updated 4 node cluster bravo to revision 20/);

    assert.deepEqual(await asked(lab, 'dev2'), [
      'lock.take',
      'rpcutil.ping',
      'appmgr.status',
      'appmgr.upgrade',
      'nrpe.runcommand',
      'lock.release',
    ]);
    assert.deepEqual(await asked(lab, 'lb1'), [
      'lock.take',
      'rpcutil.ping',
      'haproxy.list',
      'haproxy.status',
      'haproxy.disable',
      // Each of the two batches is upgraded between two proofs that its servers are out; the second proof is for both.
      'haproxy.status',
      'haproxy.status',
      'haproxy.status',
      // The last proof comes right before they are put back.
      'haproxy.status',
      'haproxy.enable',
      'lock.release',
    ]);
    assert.deepEqual(await asked(lab, 'dev1'), []);
    for (const host of ['dev2', 'lb1', 'notify1']) {
      const verified = await lab.exec(host, ['mco-deploy', 'audit', 'verify']);
      assert.equal(verified.code, 0, `${host}: ${verified.stdout}${verified.stderr}`);
    }
    const [run] = await readdir(lab.path('control', 'home/rip@devco.net/.local/state/mco-deploy/runs'));
    const trace = await lab.client(['audit', 'trace', (run ?? '').replace('.jsonl', '')]);
    assert.equal(trace.code, 0, trace.stdout + trace.stderr);
    const shown = await lab.exec('dev2', ['mco-deploy', 'audit', 'show']);
    const line =
      /^reqid=[0-9a-f]{32}: reqtime=\d+ caller=cert=rip@devco\.net agent=appmgr action=upgrade data=\{"revision":"20"\} outcome=ok$/m;
    assert.match(shown.stdout, line);
  });

  test('stops at a broken release, leaves its servers out of traffic, names the remaining ones, and works again with a good one', async () => {
    await using lab = await startLab();
    const load = await lab.load();
    const { code, stdout, stderr } = await lab.client(['upgrade', '--cluster', 'bravo', '--rev', 'broken']);
    const { failures } = await load.stop();
    assert.equal(code, 2, stdout + stderr);
    assert.deepEqual(failures, [], 'the site lives on');
    assert.match(stdout, /appmgr#upgrade failed on 2 of 4 nodes after 2 tries/);
    assert.match(stdout, /on dev2\.devco\.net, dev4\.devco\.net: .*unhealthy-release/);
    assert.match(
      stdout,
      /untouched: dev6\.devco\.net, dev8\.devco\.net\nto continue: mco-deploy resume [0-9a-f]{32}\n$/,
    );
    assert.match(
      stdout,
      /out of traffic: dev2\.devco\.net, dev4\.devco\.net, dev6\.devco\.net, dev8\.devco\.net of app on lb1/,
    );
    assert.doesNotMatch(stdout, /nrpe#runcommand|haproxy#enable executed/);
    assert.deepEqual(await inMaintenance(lab), bravo);
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    const mails = await lab.mail(1);
    assert.equal(mails.length, 1);
    assert.match(JSON.stringify(mails), /failed: Upgrade the servers .*to continue: mco-deploy resume/);

    const mended = await lab.client(upgrade);
    assert.equal(mended.code, 0, mended.stdout);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '20']);
    assert.ok(await allUp(lab));
  });
});
