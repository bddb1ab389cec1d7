import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Outcome } from '../../../../../src/core/request/reply.ts';
import { proveOut } from '../../../../../src/playbook/call/prove-out.ts';
import type { HostHold, RunContext } from '../../../../../src/playbook/context.ts';
import type { NodeCall } from '../../../../../src/playbook/ports.ts';

const since = Date.UTC(2026, 0, 1);
const proof = { agent: 'haproxy', action: 'status', hosts: 'server', input: {} };
const hold = (host: string, more: Partial<HostHold> = {}): HostHold => ({
  ...{ host, node: 'lb1', since, step: 'out', stale: false, proof },
  ...more,
});
const outcome = (node: string, more: Partial<Outcome> = {}): Outcome => ({
  ...{ node, outcome: 'ok', status: 0, code: '', message: '', hint: '', data: {}, elapsed: 1 },
  ...more,
});
/** The reply of a load balancer for one host. */
const servers = (fields: object, name = 'web1') => ({ data: { servers: [{ name, ...fields }] } as never });

type Reply = (call: NodeCall) => readonly Outcome[];

async function prove(holds: readonly HostHold[], reply: Reply, kill = new AbortController()) {
  const [calls, journal, order, slept]: [NodeCall[], object[], string[], number[]] = [[], [], [], []];
  let ids = 0;
  const run = {
    runId: 'run1',
    signal: new AbortController().signal,
    kill: kill.signal,
    journal: async (entry: { type: string; try: number }) => {
      await setImmediate();
      journal.push(entry);
      order.push(`${entry.type} ${entry.try}`);
    },
    ports: {
      newId: () => `id${++ids}`,
      sleep: async (milliseconds: number) => {
        // Longer than a record takes.
        await setImmediate();
        await setImmediate();
        slept.push(milliseconds);
        order.push('slept');
      },
      call: async (call: NodeCall, _hear: unknown, signal: AbortSignal) => {
        assert.equal(signal, kill.signal);
        calls.push(call);
        order.push(`asked ${call.try}`);
        return reply(call);
      },
    },
  };
  const failures = await proveOut(holds, run as unknown as RunContext, 'update.proof');
  return { failures, calls, journal, order, slept };
}
const reasonOf = async (more: Partial<Outcome>, own: Partial<HostHold> = {}) => {
  const { failures } = await prove([hold('web1', own)], () => [outcome('lb1', more)]);
  return failures.map(({ node, code, reason }) => [node, code, reason]);
};

describe('the proof that hosts are out', () => {
  test('is one question for all hosts of a node with the same input, as a read of the run', async () => {
    const { failures, calls, journal } = await prove([hold('web1'), hold('web2')], () => [
      outcome('lb1', {
        data: { servers: ['web1', 'web2'].map((name) => ({ name, out_since: since })) } as never,
        message: 'fine',
      }),
    ]);
    assert.deepEqual(failures, []);
    const request = { agent: 'haproxy', action: 'status', dryRun: false, requestId: 'id1', step: 'update.proof' };
    const input = { server: 'web1,web2' };
    assert.deepEqual(calls, [{ ...request, try: 1, nodes: ['lb1'], input, runId: 'run1' }]);
    assert.deepEqual(journal[0], {
      ...{ type: 'call', ...request, try: 1, nodes: ['lb1'], batch: 1, changes: false, input },
    });
    const { type, outcome: how, message, node, requestId } = journal[1] as Record<string, unknown>;
    assert.deepEqual([type, how, message, node, requestId], ['outcome', 'ok', 'fine', 'lb1', 'id1']);
    assert.equal(journal.length, 2);
  });

  test('is a separate question for each node and each input, and none for no hosts', async () => {
    const scoped = { ...proof, input: { backend: 'app' } };
    const { calls } = await prove(
      [hold('web1'), hold('web1', { node: 'lb2' }), hold('web2', { proof: scoped })],
      ({ nodes: [node = ''] }) => [outcome(node)],
    );
    assert.deepEqual(
      calls.map(({ nodes, input, requestId }) => [nodes, input, requestId]),
      [
        [['lb1'], { server: 'web1' }, 'id1'],
        [['lb2'], { server: 'web1' }, 'id2'],
        [['lb1'], { backend: 'app', server: 'web2' }, 'id3'],
      ],
    );
    assert.deepEqual(await prove([], () => []).then((given) => [given.failures, given.calls]), [[], []]);
  });

  test('is recorded before each question and after each reply', async () => {
    const { order } = await prove([hold('web1')], ({ try: number }) =>
      number < 2 ? [] : [outcome('lb1', servers({ out_since: since }))],
    );
    assert.deepEqual(order, ['call 1', 'asked 1', 'outcome 1', 'slept', 'call 2', 'asked 2', 'outcome 2']);
  });
});

describe('a load balancer that does not reply', () => {
  test('is asked three times in all, a second apart, under one request; then nothing is proven', async () => {
    const { failures, calls, slept } = await prove([hold('web1'), hold('web2')], () => [
      outcome('lb1', { outcome: 'failed', code: 'haproxy-unreachable', message: 'it is away', hint: 'start it' }),
    ]);
    assert.deepEqual(
      calls.map(({ try: number, requestId }) => [number, requestId]),
      [1, 2, 3].map((number) => [number, 'id1']),
    );
    assert.deepEqual(slept, [1000, 1000]);
    const reason = (host: string) =>
      `whether ${host} is still out of traffic on lb1 is not proven: it is away: start it`;
    assert.deepEqual(
      failures,
      ['web1', 'web2'].map((host) => ({ node: host, code: 'not-proven-out', reason: reason(host) })),
    );
  });

  test('proves it with its third reply', async () => {
    const { failures } = await prove([hold('web1')], ({ try: number }) =>
      number < 3 ? [] : [outcome('lb1', servers({ out_since: since }))],
    );
    assert.deepEqual(failures, []);
  });

  test('is not asked again after a second Ctrl-C', async () => {
    const kill = new AbortController();
    const stop = () => {
      kill.abort();
      return [];
    };
    const { failures, calls, slept } = await prove([hold('web1')], stop, kill);
    assert.deepEqual([failures.length, calls.length, slept], [1, 1, []]);
    assert.match(failures[0]?.reason ?? '', /not proven: no response$/);
  });

  test('is not proven by the reply of another node', async () => {
    const { failures } = await prove([hold('web1')], () => [outcome('lb2', servers({ out_since: since }))]);
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['not-proven-out'],
    );
  });
});

describe('a host that was in traffic meanwhile', () => {
  const broke = (at: unknown, line = 'app/web1') => ({ at, line, cause: 'a person did', where: 'its log' });
  const [now, noticed] = [since + 5000, '2026-01-01T00:00:01.000Z'];
  const while_ = 'web1 was put into traffic on lb1 while it had to stay out: ';

  test('is reported whether it is out since a later or, after a clock was set back, an earlier time', async () => {
    for (const other of [since + 1, since - 1, since - 86_400_000]) {
      const [[node, code] = []] = await reasonOf(servers({ out_since: other }));
      assert.deepEqual([node, code], ['web1', 'back-in-traffic'], String(other - since));
    }
    assert.deepEqual(await reasonOf(servers({ out_since: since })), []);
  });

  test('is reported with the first break since it was taken out: the line, the time, the cause and where to see it', async () => {
    const breaks = [broke(since - 1, 'old/web1'), broke(String(since), 'bad/web1'), broke(since + 1000)];
    assert.deepEqual(await reasonOf(servers({ out_since: now, breaks })), [
      ['web1', 'back-in-traffic', `${while_}app/web1, noticed ${noticed}: a person did; see its log`],
    ]);
  });

  test('is reported with the number of further breaks', async () => {
    for (const more of [1, 2]) {
      const breaks = [broke(since), ...Array.from({ length: more }, () => broke(since + 1))];
      const [[, , reason = ''] = []] = await reasonOf(servers({ out_since: now, breaks }));
      assert.equal(
        reason,
        `${while_}app/web1, noticed 2026-01-01T00:00:00.000Z: a person did; see its log, and ${more} more`,
      );
    }
  });

  test('is reported without a cause if none was recorded', async () => {
    for (const breaks of [undefined, 'x', [broke(since - 1)]])
      assert.deepEqual(await reasonOf(servers({ out_since: now, breaks })), [
        [
          ...['web1', 'back-in-traffic'],
          `${while_}it was put in by another call, or the load balancer’s agent lost its record`,
        ],
      ]);
  });

  test('is reported as no longer held if the node does not hold it now', async () => {
    for (const more of [servers({}), servers({ out_since: since }, 'web2'), { data: {} }])
      assert.match(
        (await reasonOf(more))[0]?.[2] ?? '',
        /^web1 is no longer held out by lb1 while it had to stay out: it was put in by another call/,
      );
  });
});

test('a node that never said since when proves nothing', async () => {
  assert.deepEqual(await reasonOf(servers({ out_since: since }), { since: undefined }), [
    [
      ...['web1', 'not-proven-out'],
      'whether web1 is still out of traffic on lb1 is not proven: lb1 did not report since when: its haproxy agent is too old, update it',
    ],
  ]);
});
