import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allUp, asked, bravo, revisions, upgrade } from '../../support/lab/upgrades/cluster.ts';
import { startLab } from '../../support/lab/lab.ts';

describe('mco-deploy upgrade, when a node is silent', () => {
  test('does not begin if a web daemon was killed, and names it and when it was last seen', async () => {
    await using lab = await startLab();
    assert.equal((await lab.client(['ping'])).code, 0);
    await lab.daemon('dev8').kill();
    const { code, stdout, stderr } = await lab.client(upgrade);
    assert.equal(code, 5, stdout + stderr);
    assert.match(stdout, /dev8\.devco\.net: .*last seen \d{4}-\d\d-\d\dT/);
    assert.ok(await allUp(lab));
    assert.deepEqual(await revisions(lab, bravo), ['10', '10', '10', '10']);
    const ping = await lab.client(['ping', '-F', 'cluster=bravo']);
    assert.equal(ping.code, 5);
    assert.match(ping.stderr, /No response from:\n {2}dev8\.devco\.net +last seen/);
    const allowed = await lab.client([...upgrade, '--allow-missing']);
    assert.equal(allowed.code, 0, allowed.stdout);
    assert.deepEqual(await revisions(lab, bravo), ['20', '20', '20', '10']);
  });

  test('does not begin even if only the other nodes know the silent one', async () => {
    await using lab = await startLab();
    // Heard by another operator, and so by the nodes, before it falls silent.
    assert.match((await lab.client(['ping'], { operator: 'eve@devco.net' })).stdout, /^dev8\.devco\.net/m);
    await lab.daemon('dev8').kill();
    const { code, stdout, stderr } = await lab.client(upgrade);
    assert.equal(code, 5, stdout + stderr);
    assert.match(stdout, /dev8\.devco\.net/);
    assert.ok(await allUp(lab));
  });

  test('uses the other notification node when the first is gone', async () => {
    await using lab = await startLab();
    await lab.daemon('notify1').kill();
    const { code, stdout } = await lab.client(upgrade);
    assert.equal(code, 0, stdout);
    assert.equal((await lab.mail(1)).length, 1);
    assert.ok((await asked(lab, 'notify2')).includes('angelia.sendmsg'));
  });
});
