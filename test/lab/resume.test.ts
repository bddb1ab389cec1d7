import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bravo, upServers } from '../support/lab/cluster.ts';
import { makeHoldable, whileHeld, whileLoaded } from '../support/lab/hold.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';
import type { LogLine } from '../support/lab/log.ts';
import { countReloads, reloadsOf } from '../support/lab/reloads.ts';
import { type LabRun, startRun } from '../support/lab/runs.ts';

const balancers = ['lb1', 'lb2'];

const isDone = (step: string) => (entry: LogLine) =>
  entry.type === 'step-finished' && entry.step === step && entry.state === 'done';
const isOutcome = (step: string) => (entry: LogLine) => entry.type === 'outcome' && entry.step === step;
const isCall = (step: string, batch: number) => (entry: LogLine) =>
  entry.type === 'call' && entry.step === step && entry.batch === batch;

let lab: Lab;
/** The revision that bravo serves; each test brings it to the other one. */
let served = '10';
const other = () => (served === '10' ? '20' : '10');
const upgrade = (revision: string) => ['upgrade', '--cluster', 'bravo', '--rev', revision, '--no-notify'];

before(async () => {
  lab = await startLab({ lbs: 2 });
  for (const host of bravo) await countReloads(lab, host);
  await makeHoldable(lab, 'dev2');
});
after(() => lab.stop());

const inMaintenance = async (balancer: string) =>
  (await lab.servers(balancer)).filter(({ status }) => status === 'MAINT').map(({ name }) => name);
const reloads = () => Promise.all(bravo.map((host) => reloadsOf(lab, host)));
const assertServed = async (revision: string, text: string) => {
  for (const host of bravo) assert.equal(await lab.revision(host), revision, `${host}: ${text}`);
  for (const balancer of balancers) {
    const up = await upServers(lab, balancer);
    assert.equal(up.length, 9, `${balancer}: ${text}`);
  }
  served = revision;
};
/** Kills a run after an entry of its journal: it cannot come to its end before that. */
const killAfter = (argv: readonly string[], find: (entry: LogLine) => boolean): Promise<LabRun> =>
  whileLoaded(lab, bravo.slice(2), async () => {
    const run = await startRun(lab, argv);
    await run.until(find);
    run.kill();
    assert.equal((await run.ended).code, 137);
    return run;
  });
/** Resumes a run that was ended, and checks that each server has switched once in total. */
const assertResumed = async (id: string, counted: readonly number[]) => {
  const revision = other();
  const resumed = await lab.client(['resume', id.slice(0, 8)]);
  assert.equal(resumed.code, 0, resumed.stdout + resumed.stderr);
  await assertServed(revision, resumed.stdout);
  assert.deepEqual(
    await reloads(),
    counted.map((count) => count + 1),
    resumed.stdout,
  );
  return resumed;
};

describe('a run that is killed, on nine web servers behind two load balancers', () => {
  test('SIGKILL after disable: status names the servers left out, and resume finishes the run', async () => {
    const counted = await reloads();
    const run = await killAfter(upgrade(other()), isDone('disable'));
    const runs = await lab.client(['runs']);
    const row = `cut-off  ${run.id.slice(0, 8)}  app_cluster_upgrade  bravo    ${other()}        rip@devco\\.net  \\d+[sm] ago`;
    assert.match(
      runs.stdout,
      new RegExp(`^RESULT +RUN +PLAYBOOK +CLUSTER +REVISION +BY +BEGAN +TOOK\n${row} +\\d[^\n]* m?s\n`),
    );
    const shown = await lab.client(['runs', 'show', run.id]);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /it was killed: its process is gone/);
    for (const balancer of balancers) {
      for (const host of await inMaintenance(balancer)) {
        const line = `${host} {3}${balancer}\\.devco\\.net {3}MAINT in app {3}since 20\\S+ by cert=rip@devco\\.net in run ${run.id}`;
        assert.match(shown.stdout, new RegExp(line));
      }
    }
    const resumed = await assertResumed(run.id, counted);
    assert.match(resumed.stdout, /haproxy#enable executed successfully on 2 nodes/);
    const again = await lab.client(['resume', run.id]);
    assert.equal(again.code, 64);
    assert.match(again.stderr, /ended well: there is nothing left to do/);
    const trace = await lab.client(['audit', 'trace', run.id]);
    assert.equal(trace.code, 0, trace.stdout + trace.stderr);
  });

  test('SIGKILL in mid-upgrade: no server is upgraded twice', async () => {
    const counted = await reloads();
    const run = await killAfter(upgrade(other()), isOutcome('update'));
    await assertResumed(run.id, counted);
  });

  test('SIGKILL in a rolling upgrade, after its first batch', async () => {
    const counted = await reloads();
    const run = await killAfter([...upgrade(other()), '--strategy', 'rolling'], isOutcome('upgrade[2].update'));
    await assertResumed(run.id, counted);
  });

  test('a run that is still running and a changed playbook are not resumed; a damaged line is skipped and reported', async () => {
    const file = lab.path('control', 'tmp/long.yaml');
    const text = (seconds: number) => `name: long\nsteps:\n  - {id: wait, pause: ${seconds}}\n`;
    await writeFile(file, text(60));
    const run = await startRun(lab, ['run', '/tmp/long.yaml']);
    await run.until(({ type }) => type === 'step-started');
    const busy = await lab.client(['resume', run.id]);
    assert.equal(busy.code, 64);
    assert.match(busy.stderr, /process \d+ on control\.devco\.net is still running this run/);
    await run.interrupt();
    assert.equal((await run.ended).code, 130);
    await writeFile(file, text(61));
    const changed = await lab.client(['resume', run.id]);
    assert.equal(changed.code, 64);
    assert.match(changed.stderr, /long\.yaml has changed since the run started/);
    const place = `/home/rip@devco.net/.local/state/mco-deploy/runs/${run.id}.jsonl`;
    const journal = lab.path('control', place);
    await writeFile(journal, (await readFile(journal, 'utf8')).replace('"type":"step-started"', '"type":"step'));
    const damaged = await lab.client(['resume', run.id]);
    assert.equal(damaged.code, 64);
    const warning = `warning: line 4 of the journal ${place} is damaged and was skipped: its content counts as unknown`;
    assert.equal(damaged.stderr.split('\n')[0], warning);
    assert.match(damaged.stderr, /long\.yaml has changed since the run started/);
  });
});

describe('a run that is interrupted by its operator or a cut link', () => {
  test('Ctrl-C once ends after the current batch, and prints what is left and how to continue', async () => {
    const counted = await reloads();
    const run = await whileHeld(lab, 'dev2', async () => {
      const held = await startRun(lab, upgrade(other()));
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
      await reloads(),
      counted.map((count, index) => count + (index < 2 ? 1 : 0)),
      'the batch in hand was finished',
    );
    await assertResumed(run.id, counted);
  });

  test('a link that is cut during a run: Ctrl-C twice ends at once, and resume continues when the link is back', async () => {
    const counted = await reloads();
    const run = await whileLoaded(lab, ['dev2'], async () => {
      const loaded = await startRun(lab, upgrade(other()));
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
    await assertResumed(run.id, counted);
  });
});

describe('a run whose load balancers or nodes fail', () => {
  test('a load balancer that is reloaded in mid-run ends it, and resume takes servers out again before the next', async () => {
    const counted = await reloads();
    const run = await whileHeld(lab, 'dev2', async () => {
      const held = await startRun(lab, upgrade(other()));
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
    await assertResumed(run.id, counted);
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
    const counted = await reloads();
    const revision = other();
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
    await assertResumed(run.id, counted);
  });

  test('nothing is upgraded if the second load balancer refuses, and the first is restored', async () => {
    // Five servers of the other cluster stay usable at lb1, and four at lb2.
    await lab.haproxy('lb2', 'set server app/dev1.devco.net state maint');
    const counted = await reloads();
    // Without the question before, which would have found it.
    const playbook = join(import.meta.dirname, '../../playbooks/app_cluster_upgrade.yaml');
    const text = await readFile(playbook, 'utf8');
    const [ask, disable] = [text.indexOf('  - id: ask\n'), text.indexOf('  - id: disable\n')];
    const servers =
      /^ {4}with: &servers\n( {6}.*\n)+/m.exec(text.slice(ask, disable))?.[0] ?? assert.fail('no &servers');
    const unasked = text.slice(0, ask) + text.slice(disable).replace('    with: *servers\n', servers);
    await writeFile(lab.path('control', 'tmp/unasked.yaml'), unasked);
    const inputs = ['cluster=bravo', `revision=${other()}`, 'notify=false', 'backend=app', 'min_available=5'];
    const { code, stdout, stderr } = await lab.client(['run', '/tmp/unasked.yaml', ...inputs]);
    assert.equal(code, 2, stdout + stderr);
    assert.match(
      stdout,
      /lb2\.devco\.net: .*out would leave 4 usable servers in the backend “app”.* and 5 must be left/,
    );
    assert.deepEqual(await inMaintenance('lb1'), []);
    assert.deepEqual(await inMaintenance('lb2'), ['dev1.devco.net']);
    assert.deepEqual(await reloads(), counted);
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
