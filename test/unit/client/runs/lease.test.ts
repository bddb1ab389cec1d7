import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startLock } from '../../../../src/agents/lock/agent.ts';
import { type LeaseOptions, takeLease } from '../../../../src/client/runs/lease.ts';
import type { ActionContext, AnyHandlers } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { failure, type Outcome, okReply, type ReplyContent } from '../../../../src/core/request/reply.ts';
import { actionContext, agentSetup } from '../../../support/agents/agent-setup.ts';

const names = ['dev8', 'dev2', 'lb1'];

/** Three nodes that keep leases, and what two runs ask of them. */
async function startNodes() {
  const agents = new Map<string, AnyHandlers>();
  for (const name of names) {
    const { handlers } = await startLock(agentSetup({ max_ttl: 60, max_leases: 9 }));
    agents.set(name, handlers);
  }
  const asked: string[] = [];
  const orderOf = (run: string, more: Partial<LeaseOptions> = {}): LeaseOptions => ({
    name: 'app/bravo',
    nodes: names,
    ttl: 30,
    wait: 0,
    from: 'test',
    signal: new AbortController().signal,
    tell: () => {},
    ask: async (node, action, input) => {
      asked.push(`${run} ${action} ${node}`);
      const context = actionContext({ runId: run, caller: `cert=${run}` });
      return { ...(await answer(agents.get(node)?.[action], input, context)), node, elapsed: 0 } as Outcome;
    },
    ...more,
  });
  return { agents, asked, orderOf };
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
    const { asked, orderOf } = await startNodes();
    const lease = await takeLease(orderOf('one'));
    assert.deepEqual(asked, ['one take dev2', 'one take dev8', 'one take lb1']);
    assert.equal(lease.fenceOf('dev2'), 1);
    assert.equal(lease.fenceOf('dev4'), undefined);
    await lease.release();
    const next = await takeLease(orderOf('two'));
    assert.equal(next.fenceOf('dev2'), 2);
    await next.release();
  });

  test('is taken on all nodes or on none; who holds it is told', async () => {
    const { asked, orderOf } = await startNodes();
    const held = await takeLease(orderOf('one', { nodes: ['lb1'] }));
    await assert.rejects(takeLease(orderOf('two')), (problem: Problem) => {
      assert.equal(problem.code, 'lease-held');
      assert.match(problem.message, /^lb1: .*held by cert=one from test for run one since/);
      return true;
    });
    assert.deepEqual(asked.slice(-2).sort(), ['two release dev2', 'two release dev8']);
    const other = await takeLease(orderOf('three', { nodes: ['dev2', 'dev8'] }));
    await Promise.all([held.release(), other.release()]);
  });

  test('is waited for, and had when the other is done', async () => {
    const { orderOf } = await startNodes();
    const held = await takeLease(orderOf('one'));
    const told: string[] = [];
    const tell = (line: string) => {
      told.push(line);
      void held.release();
    };
    const lease = await takeLease(orderOf('two', { wait: 20_000, tell }));
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^waiting: .*cert=one/);
    await lease.release();
  });

  test('can’t be had where a node keeps none, and nothing stays taken', async () => {
    const { agents, orderOf } = await startNodes();
    agents.delete('dev8');
    await assert.rejects(takeLease(orderOf('one')), (problem: Problem) => {
      assert.equal(problem.code, 'no-lease');
      assert.match(problem.hint, /--no-lock/);
      return true;
    });
    const lease = await takeLease(orderOf('two', { nodes: ['dev2', 'lb1'] }));
    await lease.release();
  });
});
