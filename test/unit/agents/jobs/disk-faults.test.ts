import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startJobs } from '../../../../src/agents/jobs/agent.ts';
import { endJob } from '../../../../src/agents/jobs/job.ts';
import { openJobs } from '../../../../src/agents/jobs/store.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';
import { recordChanges } from '../../../support/faults/record-calls.ts';

const config = { max_running: 1, max_jobs: 3, max_output: 100, keep: 60 };
const rip = 'cert=rip@devco.net';
const eve = 'cert=eve@devco.net';
const id = 'a'.repeat(32);
const request = { id, caller: rip, agent: 'probe', action: 'wait', runId: '', dryRun: false };

let root: string;
let directory: string;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-jobs-');
  directory = join(root, 'jobs');
  mkdirSync(directory);
});
afterEach(() => rmSync(root, { recursive: true }));

describe('a job on a disk that takes no file', () => {
  test('does not begin, leaves nothing behind, and may begin later', async () => {
    const jobs = await openJobs(directory, config, () => 0);
    rmSync(directory, { recursive: true });
    await assert.rejects(jobs.begin(request), { code: 'unwritable-state' });
    assert.deepEqual(jobs.list(undefined), []);
    mkdirSync(directory);
    assert.equal((await jobs.begin(request)).cancelled.aborted, false);
  });

  test('ends all the same: the caller who waits for it learns its outcome, and another may begin', async () => {
    const jobs = await openJobs(directory, config, () => 0);
    const job = await jobs.begin(request);
    rmSync(directory, { recursive: true });
    const cancelling = jobs.cancel(id, rip, rip);
    assert.equal(job.cancelled.aborted, true);
    await assert.rejects(job.end(okReply({ text: 'done' })), { code: 'unwritable-state' });
    assert.equal((await cancelling).state, 'ok');
    assert.deepEqual(jobs.find(id, rip).job.data, { text: 'done' });
    mkdirSync(directory);
    await jobs.begin({ ...request, id: 'b'.repeat(32) });
  });
});

describe('a job', () => {
  test('is on the disk before it runs, and its end before anybody learns of it', async () => {
    const jobs = await openJobs(directory, config, () => 0);
    const [file] = [`${id}-`];
    const begun = await recordChanges(root, async () => {
      const job = await jobs.begin(request);
      const [name = ''] = readdirSync(directory);
      assert.ok(name.startsWith(file));
      assert.equal((JSON.parse(readFileSync(join(directory, name), 'utf8')) as { state: string }).state, 'running');
      const ending = job.end(okReply({}));
      assert.equal(jobs.find(id, rip).job.state, 'running', 'while it is written');
      await ending;
      assert.equal((JSON.parse(readFileSync(join(directory, name), 'utf8')) as { state: string }).state, 'ok');
      assert.equal(jobs.find(id, rip).job.state, 'ok');
    });
    assert.equal(begun.filter((call) => call === 'sync jobs/').length, 2);
  });

  test('is shown to, listed for and cancelled by its own caller, unless an action is for the jobs of all', async () => {
    const { handlers, jobs } = await startJobs(agentSetup(config, { stateDirectory: directory }));
    const call = (action: string, input: object, caller: string) => {
      const handler = handlers[action] as unknown as (
        input: object,
        context: object,
      ) => Promise<{ jobs: unknown[]; state: string }>;
      return handler(input, actionContext({ caller }));
    };
    const job = await jobs?.begin(request);
    for (const action of ['show', 'cancel'])
      await assert.rejects(call(action, { id }, eve), { code: 'unknown-job' }, action);
    assert.equal(job?.cancelled.aborted, false);
    assert.deepEqual((await call('list', {}, eve)).jobs, []);
    assert.equal((await call('list_any', {}, eve)).jobs.length, 1);
    assert.equal((await call('show', { id }, rip)).state, 'running');
    assert.equal((await call('show_any', { id }, eve)).state, 'running');
    const cancelling = call('cancel_any', { id }, eve);
    assert.deepEqual([job?.cancelled.aborted, job?.cancelled.reason], [true, eve]);
    await job?.end(okReply({}));
    assert.equal((await cancelling).state, 'ok');
  });

  test('keeps output up to its limit in bytes, as it is stored, and leaves a larger one out', () => {
    const none = { ...request, run: '', state: 'running', began: 0, ended: 0, status: 0, code: '', message: '' };
    const ended = (text: string) => endJob({ ...none, data: {}, left_out: false }, okReply({ text }), 1, 100);
    // {"text":"…"} has eleven bytes besides its text; “ä” has two.
    for (const [text, isLeftOut] of [
      ['x'.repeat(89), false],
      ['x'.repeat(90), true],
      [`${'ä'.repeat(44)}x`, false],
      ['ä'.repeat(45), true],
    ] as const) {
      const { data, left_out } = ended(text);
      assert.deepEqual([left_out, data], [isLeftOut, isLeftOut ? {} : { text }], text);
    }
  });

  test('is forgotten after its time, and not a millisecond before', async () => {
    const clock = { now: 0 };
    const jobs = await openJobs(directory, config, () => clock.now);
    await (await jobs.begin(request)).end(okReply({}));
    clock.now = 60_000;
    assert.equal(jobs.list(rip).length, 1);
    clock.now++;
    assert.equal(jobs.list(rip).length, 0);
    // The next one removes its file.
    await jobs.begin({ ...request, id: 'b'.repeat(32) });
    assert.deepEqual(
      readdirSync(directory).map((name) => name.slice(0, 1)),
      ['b'],
    );
  });
});
