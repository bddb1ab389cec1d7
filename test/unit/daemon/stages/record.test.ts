import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditEvent } from '../../../../src/core/audit/record.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { defineIdentity } from '../../../../src/core/identity.ts';
import { failure, okReply } from '../../../../src/core/request/reply.ts';
import type { AuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { answer, type Handle } from '../../../../src/daemon/incoming-call.ts';
import { record } from '../../../../src/daemon/stages/record.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

interface Options {
  readonly allowed?: boolean;
  /** Throws where the log is to fail: the kind of the record. */
  readonly fails?: (kind: string) => unknown;
  readonly next?: Handle;
}

/** The stage over a log in memory; `steps` has what happened, in its order. */
function startRecord({ allowed = true, fails = () => undefined, next }: Options = {}) {
  const events: AuditEvent[] = [];
  const steps: string[] = [];
  const clock = { now: 0 };
  const log = {
    append: async (event: AuditEvent, durable: boolean) => {
      await new Promise((resolve) => setImmediate(resolve));
      const error = fails(event.kind);
      if (error !== undefined) throw error;
      events.push(event);
      steps.push(`${event.kind}${durable ? ' durable' : ''}`);
      return events.length;
    },
  } as unknown as AuditLog;
  const act: Handle = async (call) => {
    steps.push('act');
    return next === undefined ? answer(okReply({})) : next(call);
  };
  const asked: unknown[] = [];
  const allows = async (question: unknown) => {
    asked.push(question);
    return allowed;
  };
  const handle = record(log, { allows }, () => clock.now)(act);
  return { handle, events, steps, clock, asked };
}

const foreign = new Problem('bad-signature', 'the signature of the request is not valid');

describe('the records of a call', () => {
  test('contain the request before anything is done, and then its outcome; those of a change are on the disk', async () => {
    const change = startRecord();
    await change.handle(incomingCall({ action: 'count' }));
    assert.deepEqual(change.steps, ['intent durable', 'act', 'outcome durable']);
    const read = startRecord();
    await read.handle(incomingCall({ action: 'echo' }));
    assert.deepEqual(read.steps, ['intent', 'act', 'outcome']);
    const unknown = startRecord();
    await unknown.handle(incomingCall({ agent: 'other' }));
    assert.deepEqual(unknown.steps, ['intent durable', 'act', 'outcome durable'], 'what is not known to read only');
  });

  test('name the caller, the request and the outcome, and belong together', async () => {
    const { handle, events } = startRecord({
      next: async () => ({ content: failure(new Problem('timeout', 'too late')), recorded: true }),
    });
    await handle(incomingCall({ requestId: 'a'.repeat(32), try: 2, runId: 'r', step: 's', dryRun: true, issuedAt: 5 }));
    const [intent, outcome] = events;
    assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome');
    const { request_id, try: attempt, run_id, step, caller, agent, action, dry_run, verdict, request_time } = intent;
    assert.deepEqual(
      [request_id, attempt, run_id, step, caller, agent, action, dry_run, verdict, request_time],
      ['a'.repeat(32), 2, 'r', 's', 'cert=rip@devco.net', 'probe', 'count', true, 'verified', 5],
    );
    assert.equal('relay' in intent, false);
    assert.equal(intent.caller_certificate, '', 'none came');
    assert.deepEqual(outcome, {
      kind: 'outcome',
      intent: 1,
      request_id: 'a'.repeat(32),
      try: 2,
      outcome: 'failed',
      status: 1,
      code: 'timeout',
      message: 'too late',
      recorded: true,
    });
  });

  test('name the node that delivered it if that is a relay', async () => {
    const peer = defineIdentity('node', 'devco.net', 'lb1.devco.net');
    const { handle, events } = startRecord();
    await handle(incomingCall({ peer }));
    assert.ok(events[0]?.kind === 'intent');
    assert.equal(events[0].relay, 'lb1.devco.net');
  });

  test('name the sender if no caller is proven, and otherwise the caller', async () => {
    const peer = defineIdentity('node', 'devco.net', 'lb1.devco.net');
    for (const [code, caller] of [
      ['bad-signature', 'node=lb1.devco.net'],
      ['bad-certificate', 'node=lb1.devco.net'],
      ['foreign-certificate', 'node=lb1.devco.net'],
      ['expired-certificate', 'cert=rip@devco.net'],
      ['revoked-certificate', 'cert=rip@devco.net'],
    ] as const) {
      const { handle, events } = startRecord();
      await handle(incomingCall({ peer, verification: { problem: new Problem(code, 'x') } }));
      assert.ok(events[0]?.kind === 'intent');
      assert.deepEqual([events[0].caller, events[0].verdict], [caller, code]);
    }
  });
});

describe('a call that cannot be recorded', () => {
  const full = new Problem('audit-failed', 'no space left on the device');

  test('is refused before anything is done, even if it only reads', async () => {
    for (const action of ['count', 'echo']) {
      const { handle, steps } = startRecord({ fails: () => full });
      const { content } = await handle(incomingCall({ action }));
      assert.deepEqual([content.outcome, content.code, steps], ['refused', 'audit-failed', []]);
      assert.equal(content.message, 'nothing was done: no space left on the device');
    }
  });

  test('gets its reply if it was already done, with a note that its outcome is not in the log', async () => {
    const { handle, steps } = startRecord({ fails: (kind) => (kind === 'outcome' ? full : undefined) });
    const { content } = await handle(incomingCall());
    assert.deepEqual([content.outcome, steps], ['ok', ['intent durable', 'act']]);
    assert.equal(content.hint, '(the outcome is not in the audit log: no space left on the device)');
  });

  test('is an error, not a refusal, if a bug is the cause', async () => {
    const bug = new TypeError('a bug');
    for (const kind of ['intent', 'outcome']) {
      const { handle } = startRecord({ fails: (one) => (one === kind ? bug : undefined) });
      await assert.rejects(handle(incomingCall()), bug, kind);
    }
  });
});

/** Calls until one is refused without a look; each takes 4 KiB of the budget, which is 1 MiB. */
const spend = async ({ handle, steps }: ReturnType<typeof startRecord>, calls: number, changes: object = {}) => {
  for (let call = 0; call < calls; call++) await handle(incomingCall(changes));
  return steps.filter((step) => step === 'act').length;
};

describe('a caller without rights', () => {
  test('is any caller that no policy allows the action, under the agent’s own name and with the limits of its certificate', async () => {
    const identity = { applications: ['app'] };
    const limited = { caller: { identity } as never };
    for (const [changes, agent, isLimited] of [
      [{}, 'probe', false],
      [{ verification: limited }, 'probe', true],
      [{ agent: 'other' }, 'other', false],
    ] as const) {
      const { handle, asked } = startRecord();
      await handle(incomingCall(changes));
      assert.deepEqual(asked, [{ caller: 'cert=rip@devco.net', agent, action: 'count', limited: isLimited }]);
    }
    const { handle, asked } = startRecord();
    await handle({ ...incomingCall({ agent: 'sonde' }), entry: incomingCall().entry });
    assert.deepEqual(asked, [{ caller: 'cert=rip@devco.net', agent: 'probe', action: 'count', limited: false }]);
  });

  test('is any caller with an invalid signature, whatever a policy allows', async () => {
    const stage = startRecord({ allowed: true });
    assert.equal(await spend(stage, 257, { verification: { problem: foreign } }), 256);
  });
});

describe('a caller without rights that sends many requests', () => {
  test('has 256 requests recorded, then one short record per minute with a count', async () => {
    const stage = startRecord({ allowed: false });
    assert.equal(await spend(stage, 256), 256);
    const { content } = await stage.handle(incomingCall({ requestId: 'b'.repeat(32) }));
    assert.deepEqual([content.outcome, content.code], ['refused', 'rate-limited']);
    assert.deepEqual(stage.steps.slice(-2), ['intent', 'outcome'], 'in short, and not synced');
    const brief = stage.events.at(-2);
    assert.ok(brief?.kind === 'intent');
    assert.deepEqual(
      [brief.request_id, brief.verdict, brief.request, brief.arguments],
      ['b'.repeat(32), 'rate-limited', '', {}],
    );
    const before = stage.events.length;
    for (let call = 0; call < 5; call++) await stage.handle(incomingCall());
    assert.equal(stage.events.length, before);
    // 4 KiB come back in 14 s: by then a request is recorded as before.
    stage.clock.now = 10_000;
    await stage.handle(incomingCall());
    assert.equal(stage.events.length, before);
    stage.clock.now = 15_000;
    await stage.handle(incomingCall());
    assert.equal(stage.events.length, before + 2);
    stage.clock.now = 60_000 + 15_000;
    const after = stage.events.length;
    assert.ok((await spend(stage, 10)) > 256);
    const outcome = stage.events
      .slice(after)
      .findLast((event) => event.kind === 'outcome' && event.code === 'rate-limited');
    assert.ok(outcome?.kind === 'outcome');
    assert.match(outcome.message, /and 6 more since/);
  });

  test('uses no budget of others, and none of its own allowed calls', async () => {
    const stage = startRecord({ allowed: false });
    await spend(stage, 257);
    assert.equal((await stage.handle(incomingCall({ caller: 'cert=sue@devco.net' }))).content.outcome, 'ok');
    const allowed = startRecord({ allowed: true });
    assert.equal(await spend(allowed, 300), 300);
  });

  test('has fewer of its requests recorded, the longer they are: each is three times in the log', async () => {
    const { handle, steps } = startRecord({ allowed: false });
    const call = incomingCall();
    const request = Buffer.alloc(20 * 1024);
    for (let calls = 0; calls < 20; calls++) {
      await handle({ ...call, opened: { ...call.opened, signed: { ...call.opened.signed, request } } });
    }
    assert.equal(steps.filter((step) => step === 'act').length, 16);
  });

  test('has the requested names cut in short records, each a minute after the last', async () => {
    const stage = startRecord({ allowed: false });
    await spend(stage, 256);
    const long = { agent: `${'a'.repeat(64)}b`, action: `${'c'.repeat(64)}d` };
    const { content } = await stage.handle(incomingCall(long));
    const brief = stage.events.at(-2);
    assert.ok(brief?.kind === 'intent');
    assert.deepEqual([brief.agent, brief.action], ['a'.repeat(64), 'c'.repeat(64)]);
    const verdicts = async (now: number, calls: number) => {
      stage.clock.now = now;
      const { length } = stage.events;
      for (let call = 0; call < calls; call++) {
        assert.equal(
          (await stage.handle(incomingCall(long))).content.outcome,
          call < 4 && now < 60_000 ? 'ok' : 'refused',
        );
      }
      return stage.events.slice(length).flatMap((event) => (event.kind === 'intent' ? [event.verdict] : []));
    };
    assert.equal(content.code, 'rate-limited');
    assert.deepEqual(await verdicts(59_999, 10), Array(4).fill('verified'), 'what has come back in a minute');
    assert.deepEqual(await verdicts(60_000, 2), ['rate-limited']);
  });

  test('is refused even if not even that can be written', async () => {
    let broken = false;
    const stage = startRecord({
      allowed: false,
      fails: () => (broken ? new Problem('audit-failed', 'full') : undefined),
    });
    await spend(stage, 256);
    broken = true;
    assert.equal((await stage.handle(incomingCall())).content.code, 'rate-limited');
  });

  test('gets an error if a bug keeps its refusal from being written', async () => {
    const bug = new TypeError('a bug');
    let broken = false;
    const stage = startRecord({ allowed: false, fails: () => (broken ? bug : undefined) });
    await spend(stage, 256);
    broken = true;
    await assert.rejects(stage.handle(incomingCall()), bug);
  });
});
