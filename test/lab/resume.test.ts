import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { bravo } from '../support/lab/upgrades/cluster.ts';
import { whileLoaded } from '../support/lab/upgrades/hold.ts';
import type { Lab } from '../support/lab/lab.ts';
import type { LogLine } from '../support/lab/log.ts';
import {
  balancers,
  isDone,
  isOutcome,
  type ResumeLab,
  startResumeLab,
  upgradeTo,
} from '../support/lab/upgrades/resume-lab.ts';
import { type LabRun, startRun } from '../support/lab/upgrades/runs.ts';

let site: ResumeLab;
let lab: Lab;
before(async () => {
  site = await startResumeLab();
  ({ lab } = site);
});
after(() => lab.stop());

/** Kills a run after an entry of its journal: it cannot come to its end before that. */
const killAfter = (argv: readonly string[], find: (entry: LogLine) => boolean): Promise<LabRun> =>
  whileLoaded(lab, bravo.slice(2), async () => {
    const run = await startRun(lab, argv);
    await run.until(find);
    run.kill();
    assert.equal((await run.ended).code, 137);
    return run;
  });

describe('a run that is killed, on nine web servers behind two load balancers', () => {
  test('SIGKILL after disable: status names the servers left out, and resume finishes the run', async () => {
    const counted = await site.reloads();
    const run = await killAfter(upgradeTo(site.other()), isDone('disable'));
    const runs = await lab.client(['runs']);
    const row = `cut-off  ${run.id.slice(0, 8)}  app_cluster_upgrade  bravo    ${site.other()}        rip@devco\\.net  \\d+[sm] ago`;
    assert.match(
      runs.stdout,
      new RegExp(`^RESULT +RUN +PLAYBOOK +CLUSTER +REVISION +BY +BEGAN +TOOK\n${row} +\\d[^\n]* m?s\n`),
    );
    const shown = await lab.client(['runs', 'show', run.id]);
    assert.equal(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, /it was killed: its process is gone/);
    for (const balancer of balancers) {
      for (const host of await site.inMaintenance(balancer)) {
        const line = `${host} {3}${balancer}\\.devco\\.net {3}MAINT in app {3}since 20\\S+ by cert=rip@devco\\.net in run ${run.id}`;
        assert.match(shown.stdout, new RegExp(line));
      }
    }
    const resumed = await site.assertResumed(run.id, counted);
    assert.match(resumed.stdout, /haproxy#enable executed successfully on 2 nodes/);
    assert.doesNotMatch(resumed.stdout, /was taken out of traffic/, 'that was the run itself');
    const again = await lab.client(['resume', run.id]);
    assert.equal(again.code, 64);
    assert.match(again.stderr, /ended well: there is nothing left to do/);
    const trace = await lab.client(['audit', 'trace', run.id]);
    assert.equal(trace.code, 0, trace.stdout + trace.stderr);
  });

  test('SIGKILL in mid-upgrade: no server is upgraded twice', async () => {
    const counted = await site.reloads();
    const run = await killAfter(upgradeTo(site.other()), isOutcome('update'));
    await site.assertResumed(run.id, counted);
  });

  test('SIGKILL in a rolling upgrade, after its first batch', async () => {
    const counted = await site.reloads();
    const run = await killAfter([...upgradeTo(site.other()), '--strategy', 'rolling'], isOutcome('upgrade[2].update'));
    await site.assertResumed(run.id, counted);
  });

  test('a run that is still running and a changed playbook are not resumed; a damaged line is skipped and reported', async () => {
    const file = lab.path('control', 'tmp/long.yaml');
    const text = (seconds: number) => `name: long\nsteps:\n  - {id: wait, pause: ${seconds}}\n`;
    await writeFile(file, text(60));
    const run = await startRun(lab, ['run', '/tmp/long.yaml']);
    await run.until(({ type }) => type === 'step-started');
    const busy = await lab.client(['resume', run.id]);
    assert.equal(busy.code, 75);
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
