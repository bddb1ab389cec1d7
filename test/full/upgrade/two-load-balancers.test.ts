import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allUp, asked, bravo, inMaintenance, revisions, upgrade } from '../../support/lab/upgrades/cluster.ts';
import { startLab } from '../../support/lab/lab.ts';

describe('mco-deploy upgrade behind two load balancers', () => {
  test('changes nothing on either of two load balancers when one does not know a server', async () => {
    await using lab = await startLab({ lbs: 2 });
    await lab.haproxy('lb2', 'set server app/dev4.devco.net state maint');
    await lab.haproxy('lb2', 'del server app/dev4.devco.net');
    const { code, stdout, stderr } = await lab.client(upgrade);
    assert.equal(code, 2, stdout + stderr);
    assert.match(stdout, /dev4\.devco\.net on lb2\.devco\.net/);
    assert.ok(await allUp(lab, 'lb1'));
    assert.deepEqual(await inMaintenance(lab, 'lb2'), []);
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    for (const balancer of ['lb1', 'lb2'])
      assert.ok(!(await asked(lab, balancer)).includes('haproxy.disable'), balancer);
  });

  test('takes the servers out of both of two load balancers and puts them back', async () => {
    await using lab = await startLab({ lbs: 2 });
    const loads = [await lab.load({ balancer: 'lb1' }), await lab.load({ balancer: 'lb2' })];
    const { code, stdout } = await lab.client(upgrade);
    const reports = await Promise.all(loads.map((load) => load.stop()));
    assert.equal(code, 0, stdout);
    assert.match(stdout, /haproxy#disable executed successfully on 2 nodes/);
    assert.deepEqual(
      reports.flatMap(({ failures }) => failures),
      [],
    );
    assert.ok((await allUp(lab, 'lb1')) && (await allUp(lab, 'lb2')));
  });
});
