import assert from 'node:assert/strict';
import { afterEach, describe, mock, test } from 'node:test';
import { startLock } from '../../../../src/agents/lock/agent.ts';
import { type LeaseOptions, takeLease } from '../../../../src/library/runs/lease.ts';
import type { ActionContext, AnyHandlers } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { failure, type Outcome, okReply, type ReplyContent } from '../../../../src/core/request/reply.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';
import { someTurns } from '../../../support/mock-delays.ts';

const names = ['dev8', 'dev2', 'lb1'];

/** Three nodes that keep leases, and what two runs ask of them. */
async function startNodes() {
  const agents = new Map<string, AnyHandlers>();
  for (const name of names) {
    const { handlers } = await startLock(agentSetup({ max_ttl: 60, max_leases: 9 }));
    agents.set(name, handlers);
  }
  const asked: string[] = [];
  const optionsOf = (run: string, more: Partial<LeaseOptions> = {}): LeaseOptions => ({
    name: 'app/bravo',
    runId: run,
    nodes: names,
    ttl: 30,
    wait: 0,
    from: 'test',
    signal: new AbortController().signal,
    report: () => {},
    ask: async (node, action, input) => {
      asked.push(`${run} ${action} ${node}`);
      const context = actionContext({ runId: run, caller: `cert=${run}` });
      return { ...(await answer(agents.get(node)?.[action], input, context)), node, elapsed: 0 } as Outcome;
    },
    ...more,
  });
  return { agents, asked, optionsOf };
}

async function answer(handler: unknown, input: object, context: ActionContext): Promise<ReplyContent> {
  if (typeof handler !== 'function') return failure(new Problem('unknown-agent', 'there is no agent lock'));
  try {
    return okReply(await handler(input, context));
  } catch (error) {
    return failure(error as Problem);
  }
}

describe('a run’s lease', () => {
  test('is taken in the order of names, and no longer held once released', async () => {
    const { asked, optionsOf } = await startNodes();
    const lease = await takeLease(optionsOf('one'));
    assert.deepEqual(asked, ['one take dev2', 'one take dev8', 'one take lb1']);
    assert.equal(lease.fenceOf('dev2'), 1);
    assert.equal(lease.fenceOf('dev4'), undefined);
    await lease.release();
    const next = await takeLease(optionsOf('two'));
    assert.equal(next.fenceOf('dev2'), 2);
    await next.release();
  });

  test('is taken on all nodes or on none; the report has a line for each holder', async () => {
    const { asked, optionsOf } = await startNodes();
    const held = await takeLease(optionsOf('one', { nodes: ['lb1'] }));
    await assert.rejects(takeLease(optionsOf('two')), (problem: Problem) => {
      assert.equal(problem.code, 'lease-held');
      assert.match(problem.message, /^lb1: .*held by cert=one from test for run one since/);
      return true;
    });
    assert.deepEqual(asked.slice(-2).sort(), ['two release dev2', 'two release dev8']);
    const other = await takeLease(optionsOf('three', { nodes: ['dev2', 'dev8'] }));
    await Promise.all([held.release(), other.release()]);
  });

  test('is requested about twice a second, and the report notes once that the run waits', async (context) => {
    context.mock.method(Math, 'random', () => 0.5);
    const { optionsOf } = await startNodes();
    const held = await takeLease(optionsOf('one'));
    const [lines, pauses]: [string[], number[]] = [[], []];
    const pause = async (milliseconds: number) => {
      if (pauses.push(milliseconds) === 3) await held.release();
    };
    const report = (line: string) => lines.push(line);
    await (await takeLease(optionsOf('two', { wait: 2 ** 30, pause, report }))).release();
    assert.deepEqual(pauses, [500, 500, 500]);
    assert.equal(lines.length, 1);
  });

  test('is awaited for exactly the requested time', async (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    const { optionsOf, asked } = await startNodes();
    await takeLease(optionsOf('one'));
    const pause = async () => {
      now += 500;
    };
    await assert.rejects(takeLease(optionsOf('two', { wait: 1000, pause })), { code: 'lease-held' });
    assert.equal(asked.filter((line) => line === 'two take dev2').length, 3, 'at once, after 0.5 s, and after 1 s');
  });

  test('is awaited, and taken when the other run ends', async () => {
    const { optionsOf } = await startNodes();
    const held = await takeLease(optionsOf('one'));
    const lines: string[] = [];
    const report = (line: string) => {
      lines.push(line);
      void held.release();
    };
    const lease = await takeLease(optionsOf('two', { wait: 20_000, report, pause: someTurns }));
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^waiting: .*cert=one/);
    await lease.release();
  });

  test('cannot be taken if a node keeps none, and nothing stays taken', async () => {
    const { agents, optionsOf } = await startNodes();
    agents.delete('dev8');
    await assert.rejects(takeLease(optionsOf('one')), (problem: Problem) => {
      assert.equal(problem.code, 'no-lease');
      assert.match(problem.hint, /--no-lock/);
      return true;
    });
    const lease = await takeLease(optionsOf('two', { nodes: ['dev2', 'lb1'] }));
    await lease.release();
  });
});

describe('a lease that a node refuses', () => {
  /** The reply of dev8 to `take`; the others are real. */
  const refusedBy = async (reply: Partial<Outcome>, more: Partial<LeaseOptions> = {}) => {
    const nodes = await startNodes();
    const order = nodes.optionsOf('one');
    const ask: LeaseOptions['ask'] = async (node, action, input) => {
      const outcome = await order.ask(node, action, input);
      if (node !== 'dev8' || action !== 'take') return outcome;
      return { node, status: 4, hint: '', data: {}, elapsed: 0, ...reply } as Outcome;
    };
    return { ...nodes, taking: takeLease({ ...order, wait: 20_000, ask, ...more }) };
  };
  const full = { outcome: 'refused', code: 'audit-failed', message: 'the disk is full' } as const;

  test('is not awaited unless another run holds it, and what the others gave is released', async () => {
    const { asked, taking } = await refusedBy(full);
    await assert.rejects(taking, {
      code: 'no-lease',
      message: 'dev8 gave no lease “app/bravo”: the disk is full',
      hint: 'enable the agent lock there, or continue without a lease (--no-lock)',
    });
    // The node refused: it holds nothing, and is asked for nothing more.
    assert.deepEqual(asked, ['one take dev2', 'one take dev8', 'one release dev2']);
  });

  test('is reported with the hint of the node, if there is one', async () => {
    const { taking } = await refusedBy({ ...full, hint: 'free some space' });
    await assert.rejects(taking, { hint: 'free some space' });
  });

  test('is not held without a number', async () => {
    for (const data of [{}, { fence: '7' }]) {
      const { taking } = await refusedBy({ outcome: 'ok', code: '', message: 'done', data });
      await assert.rejects(taking, { code: 'no-lease' });
    }
    const { taking } = await refusedBy({ ...full, data: { fence: 7 } });
    await assert.rejects(taking, { code: 'no-lease' });
  });

  test('is no longer awaited once the run is cancelled', async () => {
    const { optionsOf, asked } = await startNodes();
    const held = await takeLease(optionsOf('one'));
    const run = new AbortController();
    const report = () => run.abort();
    await assert.rejects(takeLease(optionsOf('two', { wait: 2 ** 30, signal: run.signal, report })), {
      code: 'cancelled',
    });
    assert.equal(asked.filter((line) => line === 'two take dev2').length, 2, 'once more, then no longer');
    await held.release();
  });
});

describe('a lease that is renewed', () => {
  /** A lease of 30 s on two nodes, and a clock; `answers` says what dev8 replies to each renewal, the last one from then on. */
  const hold = async (answers: readonly (Partial<Outcome> | Promise<Partial<Outcome>>)[]) => {
    const clock = { now: 0 };
    mock.method(performance, 'now', () => clock.now);
    mock.timers.enable({ apis: ['setInterval'] });
    const lines: string[] = [];
    let renewals = 0;
    const good: Outcome = { ...okReply({ fence: 7 }), node: '', elapsed: 0 };
    const lease = await takeLease({
      name: 'app/bravo',
      runId: 'one',
      nodes: ['dev2', 'dev8'],
      ttl: 30,
      wait: 0,
      from: 'test',
      signal: new AbortController().signal,
      report: (line) => lines.push(line),
      ask: async (node, action) => {
        if (action !== 'renew' || node !== 'dev8') return { ...good, node };
        return { ...good, node, ...(await answers[Math.min(renewals++, answers.length - 1)]) };
      },
    });
    /** Ten seconds later; every third of its time it is renewed. */
    const renew = async () => {
      clock.now += 10_000;
      mock.timers.tick(10_000);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    };
    return { lease, renew, lines, asked: () => renewals };
  };
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });
  const silent = { outcome: 'no-response', code: 'no-response', message: 'no reply within 10 s' } as const;

  test('is lost once a node has been silent for longer than its lifetime, and not before', async () => {
    const { lease, renew, lines, asked } = await hold([silent]);
    for (const seconds of [10, 20, 30]) {
      await renew();
      assert.equal(lease.lost.aborted, false, `${seconds} s`);
    }
    await renew();
    assert.deepEqual([asked(), lines.length], [4, 1]);
    assert.equal((lease.lost.reason as Problem).code, 'lease-lost');
    assert.match((lease.lost.reason as Problem).message, /lost on dev8: no reply within 10 s/);
    await renew();
    assert.equal(lines.length, 1, 'it is reported once');
  });

  test('survives if a silent node replies again in time', async () => {
    const { lease, renew, asked } = await hold([silent, silent, {}, silent, silent, {}]);
    for (let times = 0; times < 6; times++) await renew();
    assert.equal(asked(), 6);
    assert.equal(lease.lost.aborted, false);
  });

  test('is lost at once when a node reports that it has expired', async () => {
    const { lease, renew } = await hold([{ outcome: 'failed', code: 'stale-lease', message: 'it has passed' }]);
    assert.equal(lease.lost.aborted, false);
    await renew();
    assert.equal((lease.lost.reason as Problem).code, 'lease-lost');
  });

  test('is not lost by a renewal in progress when it was released', async () => {
    const late = Promise.withResolvers<Partial<Outcome>>();
    const { lease, renew, lines } = await hold([late.promise]);
    await renew();
    await lease.release();
    late.resolve({ outcome: 'failed', code: 'stale-lease', message: 'it has passed' });
    await renew();
    assert.deepEqual([lease.lost.aborted, lines], [false, []]);
  });

  test('is no longer renewed once it is released', async () => {
    const { lease, renew, asked } = await hold([{}]);
    await renew();
    await lease.release();
    await renew();
    assert.equal(asked(), 1);
  });
});

describe('a release that a node refuses', () => {
  /** The replies of dev2 to `release`, in turn; then the real agent replies. */
  const refusing = async (replies: readonly Partial<Outcome>[]) => {
    const nodes = await startNodes();
    const lines: string[] = [];
    const pauses: number[] = [];
    const left = [...replies];
    const order = nodes.optionsOf('one');
    const options: LeaseOptions = {
      ...order,
      report: (line) => lines.push(line),
      pause: async (milliseconds) => void pauses.push(milliseconds),
      ask: async (node, action, input) => {
        const wrong = node === 'dev2' && action === 'release' ? left.shift() : undefined;
        if (wrong === undefined) return await order.ask(node, action, input);
        return { node, status: 4, hint: '', data: {}, elapsed: 0, ...wrong } as Outcome;
      },
    };
    return { ...nodes, lines, pauses, options };
  };
  const full = { outcome: 'refused', code: 'audit-failed', message: 'the audit log cannot be written' } as const;

  test('is reported and tried again, only on that node, until it succeeds', async () => {
    const { asked, lines, pauses, options, optionsOf } = await refusing([full, full]);
    await (await takeLease(options)).release();
    assert.deepEqual(lines, [
      'dev2 did not release the lease “app/bravo”: the audit log cannot be written; trying again',
      'the lease “app/bravo” is released now',
    ]);
    assert.deepEqual(pauses, [500, 1000]);
    assert.equal(asked.filter((line) => line === 'one release dev8').length, 1);
    await (await takeLease(optionsOf('two'))).release();
  });

  test('is abandoned after too long, with the node, the time and the next commands; another run waits, the same run takes it over', async () => {
    const { lines, pauses, options, optionsOf } = await refusing(Array.from({ length: 9 }, () => full));
    await (await takeLease(options)).release();
    assert.deepEqual(pauses, [500, 1000, 2000, 4000]);
    assert.equal(
      lines.at(-1),
      'warning: the lease “app/bravo” is still held on dev2; it ends by itself within 30 s; “mco-deploy resume one” ' +
        'takes it over if the run is not done; “mco-deploy locks break app/bravo” ends it now',
    );
    await assert.rejects(takeLease(optionsOf('two')), { code: 'lease-held' });
    await (await takeLease(optionsOf('one'))).release();
    await (await takeLease(optionsOf('two'))).release();
  });

  test('ends after ten seconds, even if its tries take long', async (context) => {
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    const pausesOf = async (milliseconds: number) => {
      const { lines, options } = await refusing(Array.from({ length: 9 }, () => full));
      let pauses = 0;
      const pause = async () => {
        pauses++;
        now += milliseconds;
      };
      await (await takeLease({ ...options, pause })).release();
      assert.match(lines.at(-1) ?? '', /^warning: .* still held on dev2;/);
      return pauses;
    };
    // The last try begins after ten seconds, and none a moment later.
    assert.deepEqual([await pausesOf(5000), await pausesOf(5001)], [3, 2]);
  });

  test('lists the nodes that still hold it in order', async () => {
    const { optionsOf } = await startNodes();
    const lines: string[] = [];
    const order = optionsOf('one');
    const ask: LeaseOptions['ask'] = async (node, action, input) =>
      action === 'release'
        ? ({ node, status: 4, hint: '', data: {}, elapsed: 0, ...full } as Outcome)
        : await order.ask(node, action, input);
    const report = (line: string) => lines.push(line);
    await (await takeLease({ ...order, nodes: ['lb1', 'dev8', 'dev2'], ask, report, pause: async () => {} })).release();
    assert.match(lines.at(-1) ?? '', /still held on dev2, dev8, lb1; /);
  });

  test('succeeds if the lease has ended or belongs to another', async () => {
    const { lines, options } = await refusing([{ outcome: 'failed', code: 'stale-lease', message: 'has passed' }]);
    await (await takeLease(options)).release();
    assert.deepEqual(lines, []);
  });
});

test('a lease whose reply was lost is released, too', async () => {
  const { optionsOf, asked } = await startNodes();
  const order = optionsOf('one');
  let lost = false;
  const ask: LeaseOptions['ask'] = async (node, action, input) => {
    const outcome = await order.ask(node, action, input);
    if (node !== 'dev8' || action !== 'take' || lost) return outcome;
    lost = true;
    return {
      ...outcome,
      outcome: 'no-response',
      code: 'no-response',
      message: 'dev8 did not answer in time',
      data: {},
    };
  };
  await assert.rejects(takeLease({ ...order, ask }), { code: 'no-lease' });
  assert.ok(asked.includes('one release dev8'), asked.join());
  await (await takeLease(optionsOf('two'))).release();
});
