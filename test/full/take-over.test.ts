import assert from 'node:assert/strict';
import { appendFile, rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { controlHost, reliefHost } from '../support/lab/estate.ts';
import { homeOf } from '../support/lab/files/control.ts';
import { deployer, relief } from '../support/lab/files/node.ts';
import { bravo, upServers } from '../support/lab/upgrades/cluster.ts';
import { type Lab, startLab } from '../support/lab/lab.ts';
import type { LogLine } from '../support/lab/log.ts';
import { whileLoaded } from '../support/lab/upgrades/hold.ts';
import { countReloads, reloadsOf } from '../support/lab/upgrades/reloads.ts';
import { type LabRun, startRun } from '../support/lab/upgrades/runs.ts';

const balancers = ['lb1', 'lb2'];
const home = homeOf(deployer);

const isDone = (step: string) => (entry: LogLine) =>
  entry.type === 'step-finished' && entry.step === step && entry.state === 'done';
const isOutcome = (step: string) => (entry: LogLine) => entry.type === 'outcome' && entry.step === step;

describe('runs whose control host is gone, taken over by another operator on another host', () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab({ lbs: 2, relief: true });
    for (const host of bravo) await countReloads(lab, host);
    // The lease of a client that is gone ends sooner than usual.
    await appendFile(lab.path(controlHost.name, `${home}/.config/mco-deploy/client.yaml`), 'lease: 15\n');
  });
  after(() => lab.stop());

  const there = (argv: readonly string[]) => lab.client(argv, { operator: relief, from: reliefHost.name });
  const upgrade = (revision: string) => ['upgrade', '--cluster', 'bravo', '--rev', revision, '--no-notify'];
  const reloads = () => Promise.all(bravo.map((host) => reloadsOf(lab, host)));
  const assertServed = async (revision: string, text: string) => {
    for (const host of bravo) assert.equal(await lab.revision(host), revision, `${host}: ${text}`);
    for (const balancer of balancers) {
      const up = await upServers(lab, balancer);
      assert.equal(up.length, 9, `${balancer}: ${text}`);
    }
  };
  /** Kills a run after an entry of its journal: it cannot come to its end before that. */
  const killAfter = (argv: readonly string[], find: (entry: LogLine) => boolean): Promise<LabRun> =>
    whileLoaded(lab, bravo, async () => {
      const run = await startRun(lab, argv);
      await run.until(find);
      run.kill();
      await run.ended;
      return run;
    });
  /** The second operator completes the run; each server has switched once in all. */
  const assertTakenOver = async (id: string, revision: string, counted: readonly number[]) => {
    const resumed = await there(['resume', id.slice(0, 8), '--yes']);
    const text = resumed.stdout + resumed.stderr;
    assert.equal(resumed.code, 0, text);
    assert.match(resumed.stderr, /started by rip@devco\.net on control\.devco\.net; playbook [0-9a-f]{16}\n/);
    assert.match(resumed.stderr, /it continues as zoe@devco\.net, with the rights of zoe@devco\.net alone/);
    await assertServed(revision, text);
    assert.deepEqual(
      await reloads(),
      counted.map((count) => count + 1),
      text,
    );
  };

  test('another host can show, resume and roll back a run whose host was lost after disable', async () => {
    const counted = await reloads();
    const run = await killAfter(upgrade('20'), isDone('disable'));
    await rm(lab.path(controlHost.name, `${home}/.local`), { recursive: true });
    const runs = await there(['runs', '--fleet']);
    assert.equal(runs.code, 0, runs.stderr);
    assert.match(
      runs.stdout,
      new RegExp(`\n(cut-off|running)  ${run.id.slice(0, 8)}  app_cluster_upgrade  bravo    20        rip@devco\\.net`),
    );
    const shown = await there(['runs', 'show', run.id]);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /disable +(done|begun) +haproxy\.disable/);
    assert.match(
      shown.stdout,
      new RegExp(`dev2\\.devco\\.net {3}lb1\\.devco\\.net {3}MAINT in app .* in run ${run.id}`),
    );
    await assertTakenOver(run.id, '20', counted);
    const status = await there(['status']);
    assert.match(status.stdout, /bravo +dev2\.devco\.net +20 +yes +yes +\S.* zoe@devco\.net +[0-9a-f]{8}/);
    const trace = await there(['audit', 'trace', run.id]);
    assert.equal(trace.code, 0, trace.stdout + trace.stderr);
    const back = await there(['rollback', '--cluster', 'bravo', '--no-notify', '--yes']);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    await assertServed('10', back.stdout);
  });

  test('no server is upgraded twice if the host was lost in the middle of a batch', async () => {
    const counted = await reloads();
    const run = await killAfter(upgrade('20'), isOutcome('update'));
    await lab.cut(controlHost.name);
    await rm(lab.path(controlHost.name, home), { recursive: true });
    await assertTakenOver(run.id, '20', counted);
  });
});
