import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '../../../../src/core/audit/record.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { JobRequest, Jobs } from '../../../../src/core/request/jobs.ts';
import { okReply, type ReplyContent } from '../../../../src/core/request/reply.ts';
import { answer, type Handle, type IncomingCall } from '../../../../src/daemon/incoming-call.ts';
import { detach } from '../../../../src/daemon/stages/detach.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

const id = 'a'.repeat(32);

interface Options {
  readonly keepers?: readonly Jobs[];
  readonly begin?: () => Promise<void>;
  readonly append?: () => Promise<void>;
  readonly end?: () => Promise<void>;
  readonly next?: Handle;
}

/** The stage with a keeper of jobs in memory; `steps` has what happened, in its order. */
function startDetach({ keepers, begin, append, end, next }: Options = {}) {
  const steps: string[] = [];
  const orders: JobRequest[] = [];
  const events: AuditEvent[] = [];
  const contents: ReplyContent[] = [];
  const said: string[] = [];
  const logged: string[] = [];
  const cancelling = new AbortController();
  const passed: IncomingCall[] = [];
  let tracked: Promise<unknown> = Promise.resolve();
  const keeper: Jobs = {
    begin: async (order) => {
      orders.push(order);
      await begin?.();
      steps.push('begun');
      return {
        cancelled: cancelling.signal,
        progress: (message) => said.push(message),
        end: async (content) => {
          await end?.();
          steps.push('kept');
          contents.push(content);
        },
      };
    },
  };
  const stage = detach({
    keepers: () => keepers ?? [keeper],
    audit: {
      append: async (event, durable) => {
        await append?.();
        steps.push(`recorded${durable ? ' durable' : ''}`);
        events.push(event);
        return 9;
      },
    },
    track: (call) => {
      const running = call();
      tracked = running.then(
        () => {},
        () => {},
      );
      return running;
    },
    identity: 'dev2.devco.net',
    log: { error: (_details: object, message: string) => logged.push(message) } as never,
  });
  const handle = stage(async (call) => {
    passed.push(call);
    steps.push('acts');
    return next === undefined ? answer(okReply({ count: 1 })) : next(call);
  });
  const run = async (changes: Parameters<typeof incomingCall>[0] = {}) => {
    const given = await handle({ ...incomingCall({ requestId: id, detach: true, ...changes }), intent: 4 });
    await tracked;
    return given.content;
  };
  return { run, steps, orders, events, contents, said, logged, cancelling, passed };
}

describe('a call whose caller does not wait', () => {
  test('gets its reply when the job has begun; its end is recorded on the disk, and then kept', async () => {
    const job = startDetach();
    const content = await job.run({ try: 2, runId: 'r', dryRun: true });
    assert.deepEqual(content, { ...okReply({}), code: 'detached', message: `job ${id} runs` });
    assert.deepEqual(job.steps, ['begun', 'acts', 'recorded durable', 'kept']);
    const order = { id, caller: 'cert=rip@devco.net', agent: 'probe', action: 'count', runId: 'r', dryRun: true };
    assert.deepEqual(job.orders, [order]);
    const said = { outcome: 'ok', status: 0, code: '', message: '' };
    assert.deepEqual(job.events, [{ kind: 'ended', intent: 4, request_id: id, try: 2, ...said }]);
    assert.deepEqual(job.contents, [okReply({ count: 1 })]);
  });

  test('is kept without what may not be stored: of an action that nobody knows, no data at all', async () => {
    const job = startDetach({ next: async () => answer(okReply({ token: 's3cret' })) });
    await job.run({ agent: 'vault', action: 'open' });
    assert.deepEqual(job.contents, [okReply({})]);
  });

  test('does not depend on its caller, and ends when it is cancelled; its progress goes to the job', async () => {
    const job = startDetach();
    const gone = new AbortController();
    await job.run({ gone: gone.signal });
    gone.abort();
    const [passed] = job.passed;
    assert.deepEqual([passed?.gone.aborted, passed?.cancelled?.aborted], [false, false]);
    job.cancelling.abort();
    assert.deepEqual([passed?.gone.aborted, passed?.cancelled?.aborted], [true, true]);
    passed?.onProgress('half of it');
    assert.deepEqual(job.said, ['half of it']);
  });

  test('is passed on unchanged when it is not detached', async () => {
    const job = startDetach();
    assert.deepEqual(await job.run({ detach: false }), okReply({ count: 1 }));
    assert.deepEqual(job.steps, ['acts']);
  });

  test('is refused if nobody keeps jobs, or the job cannot begin, and nothing is done', async () => {
    const none = startDetach({ keepers: [] });
    const content = await none.run();
    assert.deepEqual([content.outcome, content.code, none.steps], ['refused', 'no-jobs', []]);
    assert.equal(content.message, 'dev2.devco.net does not keep jobs: nothing was done');
    const full = startDetach({ begin: async () => Promise.reject(new Problem('too-many-jobs', 'full')) });
    const refused = await full.run();
    assert.deepEqual([refused.outcome, refused.code, full.steps], ['refused', 'too-many-jobs', []]);
    const bug = new TypeError('a bug');
    await assert.rejects(startDetach({ begin: async () => Promise.reject(bug) }).run(), bug);
  });
});

describe('a job that fails', () => {
  test('ends with its problem, and after a bug with an internal error that the log explains', async () => {
    for (const [error, code, logged] of [
      [new Problem('timeout', 'too late'), 'timeout', []],
      [new TypeError('a bug'), 'internal', ['a job failed unexpectedly']],
    ] as const) {
      const job = startDetach({ next: async () => Promise.reject(error) });
      await job.run();
      assert.deepEqual(
        job.contents.map((content) => [content.outcome, content.code]),
        [['failed', code]],
      );
      assert.deepEqual(
        job.events.map((event) => event.kind === 'ended' && event.code),
        [code],
      );
      assert.deepEqual(job.logged, logged);
    }
  });

  test('is kept even if its end cannot be recorded, and the log reports it', async () => {
    const job = startDetach({ append: async () => Promise.reject(new Problem('audit-failed', 'full')) });
    await job.run();
    assert.deepEqual(job.contents, [okReply({ count: 1 })]);
    assert.deepEqual(job.logged, ['the end of a job is not in the audit log']);
  });

  test('is not kept if recording fails through a bug, or keeping fails, and the log reports it', async () => {
    const bug = async () => Promise.reject(new TypeError('a bug'));
    for (const options of [{ append: bug }, { end: bug }]) {
      const job = startDetach(options);
      await job.run();
      assert.deepEqual([job.contents, job.logged], [[], ['the end of a job could not be stored']]);
    }
  });
});
