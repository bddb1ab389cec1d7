import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { whileHeld, whileLoaded } from '../support/lab/upgrades/hold.ts';
import type { Lab } from '../support/lab/lab.ts';
import { isCall, isOutcome, type ResumeLab, startResumeLab, upgradeTo } from '../support/lab/upgrades/resume-lab.ts';
import { startRun } from '../support/lab/upgrades/runs.ts';

let site: ResumeLab;
let lab: Lab;
before(async () => {
  site = await startResumeLab();
  ({ lab } = site);
});
after(() => lab.stop());

describe('a run that is interrupted by its operator or a cut link', () => {
  test('Ctrl-C once ends after the current batch, and prints what is left and how to continue', async () => {
    const counted = await site.reloads();
    const run = await whileHeld(lab, 'dev2', async () => {
      const held = await startRun(lab, upgradeTo(site.other()));
      await held.until(isCall('update', 1));
      await held.interrupt();
      return held;
    });
    const { code, stdout } = await run.ended;
    assert.equal(code, 130, stdout);
    assert.match(stdout, /untouched: dev6\.devco\.net, dev8\.devco\.net/);
    assert.match(
      stdout,
      /out of traffic: dev2\.devco\.net, dev4\.devco\.net, dev6\.devco\.net, dev8\.devco\.net of app on lb1/,
    );
    assert.match(stdout, new RegExp(`to continue: mco-deploy resume ${run.id}\n$`));
    assert.deepEqual(
      await site.reloads(),
      counted.map((count, index) => count + (index < 2 ? 1 : 0)),
      'the batch in hand was finished',
    );
    await site.assertResumed(run.id, counted);
  });

  test('a link that is cut during a run: Ctrl-C twice ends at once, and resume continues when the link is back', async () => {
    const counted = await site.reloads();
    const run = await whileLoaded(lab, ['dev2'], async () => {
      const loaded = await startRun(lab, upgradeTo(site.other()));
      await loaded.until(isCall('update', 2));
      await lab.cut('dev8');
      await loaded.interrupt();
      loaded.interruptAgain();
      await loaded.ended;
      return loaded;
    });
    const { code, stdout, stderr } = await run.ended;
    assert.equal(code, 130, stdout + stderr);
    const hasty = ['--config', await writeHastyConfig(lab)];
    const meanwhile = await lab.client(['resume', run.id, ...hasty]);
    await lab.heal('dev8');
    assert.equal(meanwhile.code, 5, meanwhile.stdout + meanwhile.stderr);
    assert.match(meanwhile.stdout, /dev8\.devco\.net: .*silent|dev8\.devco\.net: .*unreachable/);
    await site.assertResumed(run.id, counted);
  });
});

describe('a run whose load balancers or nodes fail', () => {
  test('a load balancer that is reloaded in mid-run ends it, and resume takes servers out again before the next', async () => {
    const counted = await site.reloads();
    const run = await whileHeld(lab, 'dev2', async () => {
      const held = await startRun(lab, upgradeTo(site.other()));
      await held.until(isCall('update', 1));
      await reload(lab, 'lb1');
      return held;
    });
    const { code, stdout } = await run.ended;
    assert.equal(code, 2, stdout);
    assert.match(
      stdout,
      /was put into traffic on lb1\.devco\.net .* HAProxy was reloaded or restarted.*\(back-in-traffic\)/,
    );
    assert.match(stdout, /untouched: dev6\.devco\.net, dev8\.devco\.net/);
    const begun = (await run.entries()).length;
    await site.assertResumed(run.id, counted);
    const entries = (await run.entries()).slice(begun);
    const again = entries.filter(isOutcome('update.disable'));
    assert.deepEqual(again.map(({ node, outcome }) => `${String(node)} ${String(outcome)}`).sort(), [
      'lb1.devco.net ok',
      'lb2.devco.net ok',
    ]);
    assert.ok(
      entries.findLastIndex(isOutcome('update.disable')) <
        entries.findIndex(({ step, type }) => step === 'update' && type === 'call'),
    );
  });

  test('a node that falls silent in a batch of four counts as failed, and is called again when the run resumes', async () => {
    const counted = await site.reloads();
    const revision = site.other();
    await writeFile(lab.path('control', 'tmp/silent.yaml'), silentPlaybook);
    await lab.setLoad('dev2', '99.00 99.00 99.00 1/100 1000');
    const hasty = ['--config', await writeHastyConfig(lab), '--no-lock'];
    const run = await startRun(lab, ['run', '/tmp/silent.yaml', `revision=${revision}`, ...hasty]);
    await run.until(isOutcome('gate'));
    await signalDaemon(lab, 'dev4', 'STOP');
    await lab.setLoad('dev2', '0.10 0.10 0.10 1/100 1000');
    const { code, stdout } = await run.ended;
    await signalDaemon(lab, 'dev4', 'CONT');
    assert.equal(code, 5, stdout);
    assert.match(stdout, /update: appmgr#upgrade failed on 1 of 4 nodes/);
    assert.match(stdout, /dev4\.devco\.net: .*\(no-response\)/);
    assert.doesNotMatch(stdout, /after: rpcutil#ping/);
    await site.assertResumed(run.id, counted);
  });

  test('nothing is upgraded if the second load balancer refuses, and the first is restored', async () => {
    // Five servers of the other cluster stay usable at lb1, and four at lb2.
    await lab.haproxy('lb2', 'set server app/dev1.devco.net state maint');
    const counted = await site.reloads();
    // Without the question before, which would have found it.
    const playbook = join(import.meta.dirname, '../../playbooks/app_cluster_upgrade.yaml');
    const text = await readFile(playbook, 'utf8');
    const [ask, disable] = [text.indexOf('  - id: ask\n'), text.indexOf('  - id: disable\n')];
    const servers =
      /^ {4}with: &servers\n( {6}.*\n)+/m.exec(text.slice(ask, disable))?.[0] ?? assert.fail('no &servers');
    const unasked = text.slice(0, ask) + text.slice(disable).replace('    with: *servers\n', servers);
    await writeFile(lab.path('control', 'tmp/unasked.yaml'), unasked);
    const inputs = ['cluster=bravo', `revision=${site.other()}`, 'notify=false', 'backend=app', 'min_available=5'];
    const { code, stdout, stderr } = await lab.client(['run', '/tmp/unasked.yaml', ...inputs]);
    assert.equal(code, 2, stdout + stderr);
    assert.match(
      stdout,
      /lb2\.devco\.net: .*out would leave 4 usable servers in the backend “app”.* and 5 must be left/,
    );
    assert.deepEqual(await site.inMaintenance('lb1'), []);
    assert.deepEqual(await site.inMaintenance('lb2'), ['dev1.devco.net']);
    assert.deepEqual(await site.reloads(), counted);
    await lab.haproxy('lb2', 'set server app/dev1.devco.net state ready');
  });
});

/** The deployer's configuration with less patience, but enough for the other nodes of a busy machine. */
async function writeHastyConfig(lab: Lab): Promise<string> {
  const directory = 'home/rip@devco.net/.config/mco-deploy';
  await writeFile(lab.path('control', `${directory}/hasty.yaml`), 'timeout: 6\n');
  return `/${directory}/hasty.yaml`;
}

/** Its first step holds until a test lets it go on. */
const silentPlaybook = `name: silent
inputs: {revision: {}}
nodes: {web: {agents: [appmgr], facts: [cluster=bravo]}}
steps:
  - id: gate
    call: nrpe.runcommand
    on: "\${{ ['dev2.devco.net'] }}"
    tries: 500
    try_sleep: 100ms
    until: reply.data.exitcode == 0
    with: {command: check_load}
  - {id: update, call: appmgr.upgrade, on: web, batch: 4, timeout: 6s, max_failures: 25%, with: {revision: "\${{ inputs.revision }}"}}
  - {id: after, call: rpcutil.ping, on: web}
`;

async function signalDaemon(lab: Lab, host: string, signal: string): Promise<void> {
  const { code, stderr } = await lab.exec(host, ['sh', '-c', `kill -${signal} "$(cat /run/mco-deploy.pid)"`]);
  assert.equal(code, 0, stderr);
}

/** A new process with the same configuration, as after an edit of it: it forgets what it received at run time. */
async function reload(lab: Lab, balancer: string): Promise<void> {
  const command = 'haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid -sf "$(cat /run/haproxy.pid)"';
  const { code, stderr } = await lab.exec(balancer, ['sh', '-c', command]);
  assert.equal(code, 0, stderr);
}
