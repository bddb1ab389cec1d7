import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openJobs } from '../../../../src/agents/jobs/store.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { failure, okReply } from '../../../../src/core/request/reply.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { codeOf, codeOfAsync } from '../../../support/thrown.ts';

const config = { max_running: 2, max_jobs: 3, max_output: 100, keep: 86_400 };
const rip = 'cert=rip@devco.net';
const idOf = (digit: string) => digit.repeat(32);
const day = 86_400_000;

/** Jobs by a clock that only the test moves (milliseconds since the epoch). */
async function startStore(directory = temporaryDirectory(), clock = { now: 1_700_000_000_000 }, limits = {}) {
  const jobs = await openJobs(directory, { ...config, ...limits }, () => clock.now);
  const begin = (digit: string, caller = rip) =>
    jobs.begin({ id: idOf(digit), caller, agent: 'probe', action: 'wait', runId: '', dryRun: false });
  const stateOf = (digit: string) => jobs.find(idOf(digit), rip).job.state;
  const again = () => startStore(directory, clock);
  return { jobs, begin, stateOf, again, clock, directory };
}

describe('a job', () => {
  test('keeps its outcome for a day after its end, over restarts', async () => {
    const first = await startStore();
    await (await first.begin('1')).end(okReply({ text: 'done' }));
    const second = await first.again();
    assert.deepEqual(second.jobs.find(idOf('1'), rip).job.data, { text: 'done' });
    first.clock.now += day + 1;
    assert.equal(
      codeOf(() => second.stateOf('1')),
      'unknown-job',
    );
    assert.deepEqual(second.jobs.list(undefined), []);
  });

  test('is kept for that day while others begin', async () => {
    const { begin, stateOf, clock } = await startStore();
    await (await begin('1')).end(okReply({}));
    clock.now += day;
    await (await begin('2')).end(okReply({}));
    assert.equal(stateOf('1'), 'ok');
    clock.now += 1;
    await begin('3');
    assert.equal(stateOf('2'), 'ok');
    assert.equal(
      codeOf(() => stateOf('1')),
      'unknown-job',
    );
  });

  test('is unknown permanently if it was running when the daemon died, and cannot begin again', async () => {
    const first = await startStore();
    await first.begin('1');
    const second = await first.again();
    assert.equal(second.stateOf('1'), 'unknown');
    assert.equal(await codeOfAsync(() => second.begin('1')), 'job-exists');
    const { ended } = second.jobs.find(idOf('1'), rip).job;
    assert.equal(ended, first.clock.now);
    first.clock.now += 60_000;
    const third = await first.again();
    assert.deepEqual([third.stateOf('1'), third.jobs.find(idOf('1'), rip).job.ended], ['unknown', ended]);
  });

  test('has limits for running and kept jobs, and for their output', async () => {
    const { jobs, begin, stateOf, clock, directory } = await startStore();
    const [one, two] = [await begin('1'), await begin('2')];
    assert.equal(await codeOfAsync(() => begin('3')), 'too-many-jobs');
    await one.end(okReply({ text: 'x'.repeat(200) }));
    assert.deepEqual([jobs.find(idOf('1'), rip).job.data, jobs.find(idOf('1'), rip).job.left_out], [{}, true]);
    await two.end(failure(new Problem('broken' as never, 'y'.repeat(9000))));
    assert.equal(jobs.find(idOf('2'), rip).job.message.length, 4000);
    for (const digit of ['3', '4', '5']) {
      clock.now += 1000;
      await (await begin(digit)).end(okReply({}));
    }
    assert.equal(readdirSync(directory).length, 3);
    assert.equal(
      codeOf(() => stateOf('1')),
      'unknown-job',
    );
  });

  test('makes room for another in the order in which they ended, not in which they began', async () => {
    const { begin, stateOf, clock } = await startStore();
    const one = await begin('1');
    clock.now += 1000;
    const two = await begin('2');
    for (const job of [two, one]) {
      clock.now += 1000;
      await job.end(okReply({}));
    }
    for (const digit of ['3', '4']) await (await begin(digit)).end(okReply({}));
    assert.equal(stateOf('1'), 'ok');
    assert.equal(
      codeOf(() => stateOf('2')),
      'unknown-job',
    );
  });

  test('shows its latest progress while it runs, and none after its end', async () => {
    const { jobs, begin } = await startStore();
    const job = await begin('1');
    const shown = () => jobs.find(idOf('1'), rip).progress;
    for (const message of ['half', 'x'.repeat(501)]) job.progress(message);
    assert.equal(shown(), 'x'.repeat(500));
    await job.end(okReply({}));
    job.progress('late');
    assert.equal(shown(), '');
  });

  test('finds room while another caller runs, or has run, as many as it can', async () => {
    const eve = 'cert=eve@devco.net';
    const { jobs, begin, stateOf, clock } = await startStore(undefined, undefined, { max_running: 4, max_jobs: 5 });
    await (await begin('1')).end(okReply({}));
    const flood = [await begin('a', eve), await begin('b', eve), await begin('c', eve)];
    assert.equal(await codeOfAsync(() => begin('d', eve)), 'too-many-jobs');
    await (await begin('2')).end(okReply({}));
    for (const one of flood) {
      clock.now += 1000;
      await one.end(okReply({}));
    }
    for (const digit of ['d', 'e', 'f']) await (await begin(digit, eve)).end(okReply({}));
    assert.deepEqual([stateOf('1'), stateOf('2')], ['ok', 'ok']);
    assert.deepEqual(
      jobs
        .list(eve)
        .map(({ job }) => job.id[0])
        .sort(),
      ['d', 'e', 'f'],
    );
  });

  test('belongs to one caller: two may use one id, and neither sees the other’s', async () => {
    const { jobs, begin } = await startStore();
    await begin('1');
    await (await begin('1', 'cert=eve@devco.net')).end(okReply({ whose: 'eve' }));
    assert.equal(jobs.find(idOf('1'), rip).job.state, 'running');
    assert.deepEqual(jobs.list(rip).length, 1);
    assert.equal(
      codeOf(() => jobs.find(idOf('1'), 'cert=ann@devco.net')),
      'unknown-job',
    );
  });

  test('is not trusted if its file is damaged or replaced by another file', async () => {
    const { begin, again, directory } = await startStore();
    await (await begin('1')).end(okReply({}));
    const [file = ''] = readdirSync(directory);
    writeFileSync(join(directory, file), '{"id":');
    writeFileSync(join(directory, `${idOf('2')}-${'0'.repeat(16)}.json`), '{}');
    assert.deepEqual((await again()).jobs.list(undefined), []);
    assert.deepEqual(readdirSync(directory), []);
  });
});
