import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { allUp, asked, bravo, upgrade } from '../support/lab/upgrades/cluster.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';

describe('runs under traffic and next to each other', () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab();
  });
  after(() => lab.stop());

  test('a rolling upgrade keeps its capacity and loses no request', async () => {
    const load = await lab.load({ rate: 200 });
    const { code, stdout, stderr } = await lab.client([...upgrade, '--strategy', 'rolling']);
    const { requests, failures } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, [], `of ${requests} requests`);
    assert.ok(await allUp(lab));
    for (const host of bravo) assert.equal(await lab.revision(host), '20', host);
    const disabled = (await lab.audit('lb1')).filter(
      ({ kind, action, dry_run }) => kind === 'intent' && action === 'disable' && dry_run !== true,
    );
    assert.equal(disabled.length, 2, 'two servers at a time, twice');
  });

  test('the second of two concurrent runs is refused with the holder’s name, or waits', async () => {
    const back = ['upgrade', '--cluster', 'bravo', '--rev', '10'];
    const checks = (await asked(lab, 'dev6')).filter((call) => call === 'nrpe.runcommand').length;
    await lab.setLoad('dev6', '99.00 99.00 99.00 1/100 1000');
    const first = lab.client(back);
    await lab.calls('dev6', 'nrpe', 'runcommand', checks + 1);
    const second = await lab.client(back);
    assert.equal(second.code, 2, second.stdout);
    assert.match(second.stdout, /rip@devco\.net/);
    const waiting = lab.client([...back, '--lock-wait', '60']);
    await lab.setLoad('dev6', '0.10 0.10 0.10 1/100 1000');
    assert.equal((await first).code, 0);
    const third = await waiting;
    assert.equal(third.code, 0, third.stdout);
    assert.match(third.stdout, /nothing to do/, 'it decides by what it reads after the wait');
    assert.ok(await allUp(lab));
    for (const host of bravo) assert.equal(await lab.revision(host), '10', host);
  });
});
