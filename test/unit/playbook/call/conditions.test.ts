import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { haproxyDdl } from '../../../../src/agents/haproxy/ddl.ts';
import type { Ddl } from '../../../../src/core/ddl/ddl.ts';
import { type BatchPosition, tryReassertedBatch } from '../../../../src/playbook/call/reassert.ts';
import type { StepReply } from '../../../../src/playbook/call/reply.ts';
import type { StepCall } from '../../../../src/playbook/call/step-call.ts';
import type { HostHold, RepeatableChange, RunContext } from '../../../../src/playbook/context.ts';
import { createFabric, type Trouble } from '../../../support/fleet/fabric.ts';
import { labDdl } from '../../../support/fleet/playbook.ts';

const proof = { agent: 'haproxy', action: 'status', hosts: 'server', input: {} };
const hold = (host: string, more: Partial<HostHold> = {}): HostHold => ({
  ...{ host, node: 'lb1', since: 5, step: 'out', stale: false, proof },
  ...more,
});
const web = ['dev2', 'dev4', 'dev6'];

const unanswered = { node: 'lb1', call: 'haproxy.status', kind: 'no-response' } as const;

interface Given {
  readonly holds?: readonly HostHold[];
  readonly call?: readonly [ddl: Ddl, action: string, input: Readonly<Record<string, unknown>>];
  readonly step?: string;
  readonly reassert?: readonly string[];
  readonly changes?: Readonly<Record<string, Partial<RepeatableChange> & { readonly result?: object }>>;
  /** The nodes that did it before the run was resumed. */
  readonly done?: readonly string[];
  readonly dryRun?: boolean;
  readonly undoes?: string;
  readonly last?: string;
  readonly troubles?: readonly Trouble[];
  /** Hosts that were put in, at the latest by the proof with that number. */
  readonly broken?: Readonly<Record<string, number>>;
  /** When a second Ctrl-C comes. */
  readonly killed?: 'from the start' | 'during the call';
  /** Whether the load balancer no longer replies after the call. */
  readonly silenced?: boolean;
}

/** Runs one batch under its conditions. */
async function batch(nodes: readonly string[], given: Given = {}, position: Partial<BatchPosition> = {}) {
  const kill = new AbortController();
  if (given.killed === 'from the start') kill.abort();
  const troubles = [...(given.troubles ?? [])];
  let proofs = 0;
  const status = ({ server }: object & { server?: unknown }) => {
    proofs++;
    const names = String(server).split(',');
    return { servers: names.map((name) => ({ name, out_since: (given.broken?.[name] ?? 99) <= proofs ? 6 : 5 })) };
  };
  const fabric = createFabric(
    [
      ...web.map((name) => ({ name, agents: ['thing', 'appmgr'] })),
      { name: 'lb1', agents: ['haproxy'], actions: { 'haproxy.status': status as never } },
    ],
    {
      troubles,
      onCall: ({ agent }) => {
        if (agent !== 'thing') return;
        if (given.killed === 'during the call') kill.abort();
        if (given.silenced) troubles.push(unanswered);
      },
    },
  );
  const order = fabric.calls;
  const repeated: string[] = [];
  const changes = Object.entries(given.changes ?? {}).map(([name, { result, ...more }]): [string, RepeatableChange] => [
    name,
    {
      ...{ title: `change ${name}`, requestId: `id of ${name}`, changesTraffic: false },
      repeat: async (step) => {
        await new Promise((resolve) => setImmediate(resolve));
        repeated.push(`${step} after ${order.length} calls`);
        return { replies: [], failures: [], ...result };
      },
      ...more,
    },
  ]);
  const [ddl, action, input] = given.call ?? [labDdl, 'change', { to: 'x' }];
  const tries = new Map(
    (given.done ?? []).map((node) => [
      node,
      [{ number: 1, at: 0, undone: false, outcome: { node, outcome: 'ok', data: {}, code: '', message: '' } }],
    ]),
  );
  const call = {
    plan: {
      ...{ agent: ddl.name, agentDdl: ddl, action, ddl: ddl.actions[action], title: 'it', tries: 1, trySleep: 0 },
      ...{ until: undefined, passes: 1, message: undefined, timeout: undefined, reassert: given.reassert ?? [] },
    },
    ...{ input, shown: input, requestId: 'own', dryRun: given.dryRun === true, hypothetical: false },
    earlier: given.done === undefined ? undefined : { requestId: 'own', tries, done: true },
    step: { id: given.step ?? 'update' },
    run: {
      ...{ runId: 'run1', ports: fabric.ports, journal: async () => {}, resumed: undefined, undoes: given.undoes },
      ...{ dryRun: given.dryRun === true, signal: new AbortController().signal, kill: kill.signal },
      ...{ taint: { texts: new Map(), brief: new Map() }, sensitiveOutput: { seen: false }, context: () => ({}) },
      isKnownNode: (name: string) => web.includes(name),
      changes: {
        holds: new Map((given.holds ?? []).map((one) => [`${one.host} ${one.node}`, one])),
        ...{ repeatable: new Map(changes), lastRequestId: given.last ?? '' },
      },
    } as unknown as RunContext,
  } as unknown as StepCall;
  const result = await tryReassertedBatch(call, nodes, { index: 0, batches: 1, ...position });
  /** Each call, in order: `?` for a proof. */
  const made = fabric.calls.map((one) => (one.action === 'status' ? `?${one.input.server}` : one.nodes.join()));
  return { ...result, made, repeated, steps: fabric.calls.map(({ step }) => step) };
}
const reply = (node: string, data: object): StepReply => ({
  ...{ node, ok: true, outcome: 'ok', code: '', message: '', data: data as StepReply['data'] },
});

describe('hosts that the run keeps out', () => {
  test('are proven to be out right before a change of them and right after it', async () => {
    const { made, steps, failures, nextProvenOut } = await batch(['dev2', 'dev4'], {
      holds: [hold('dev2'), hold('dev6'), hold('web9')],
    });
    assert.deepEqual(made, ['?dev2,web9', 'dev2,dev4', '?dev2,web9']);
    assert.deepEqual(steps, ['update.proof', 'update', 'update.proof']);
    assert.deepEqual([failures, nextProvenOut], [[], false]);
  });

  test('are not asked about for a read, in a dry run, or if they are other nodes', async () => {
    const holds = [hold('dev2')];
    assert.deepEqual((await batch(['dev2'], { holds, call: [labDdl, 'look', {}] })).made, ['dev2']);
    assert.deepEqual((await batch(['dev2'], { holds, dryRun: true })).made, ['dev2']);
    assert.deepEqual((await batch(['dev4'], { holds })).made, ['dev4']);
  });

  test('are not asked about for a batch that was done before the run was resumed', async () => {
    const { made, replies } = await batch(['dev2'], { holds: [hold('dev2', { stale: true })], done: ['dev2'] });
    assert.deepEqual([made, replies.map(({ ok }) => ok)], [[], [true]]);
  });

  test('are not asked about again if they were proven just now', async () => {
    assert.deepEqual((await batch(['dev2'], { holds: [hold('dev2')] }, { provenOut: true })).made, ['dev2', '?dev2']);
  });

  test('are proven after a batch together with those of the next one, which then counts as proven', async () => {
    const holds = [hold('dev2'), hold('dev4')];
    const whole = await batch(['dev2'], { holds }, { next: ['dev4'] });
    assert.deepEqual([whole.made, whole.nextProvenOut], [['?dev2', 'dev2', '?dev2,dev4'], true]);
    const same = await batch(['dev2'], { holds: [hold('web9')] }, { next: ['dev4'] });
    assert.deepEqual([same.made.at(-1), same.nextProvenOut], ['?web9', true], 'each hold once');
    const none = await batch(['dev2'], { holds: [hold('dev2')] }, { next: ['dev6'] });
    assert.equal(none.nextProvenOut, false, 'there is nothing to prove');
    const settled = await batch(['dev2'], { holds, done: ['dev4'] }, { next: ['dev4'] });
    assert.deepEqual([settled.made.at(-1), settled.nextProvenOut], ['?dev2', false]);
  });

  test('break the batch before it begins if they were put in, and no node of it is called', async () => {
    const given = { holds: [hold('dev2')], broken: { dev2: 1 } };
    const { made, failures, broken, replies, tries, interrupted } = await batch(['dev2'], given);
    assert.deepEqual([made, broken, replies, tries, interrupted], [['?dev2'], 'before', [], 0, false]);
    assert.deepEqual(
      failures.map(({ node, code }) => [node, code]),
      [['dev2', 'back-in-traffic']],
    );
  });

  test('break the batch at its end if they were put in meanwhile, beside the failures of its nodes', async () => {
    const troubles = [{ node: 'dev2', call: 'thing.change', kind: 'failed' }] as const;
    const given = { holds: [hold('dev2')], broken: { dev2: 2 }, troubles };
    const { failures, broken, replies } = await batch(['dev2'], given, { next: ['dev4'] });
    assert.deepEqual([broken, replies.length], ['after', 1]);
    assert.deepEqual(
      failures.map(({ code }) => code),
      ['broken', 'back-in-traffic'],
    );
  });

  test('do not break the batch before theirs, and then do not count as proven', async () => {
    const given = { holds: [hold('dev2'), hold('dev4')], broken: { dev4: 2 } };
    const { failures, broken, nextProvenOut } = await batch(['dev2'], given, { next: ['dev4'] });
    assert.deepEqual([failures, broken, nextProvenOut], [[], undefined, false]);
  });
});

describe('a second Ctrl-C during a proof', () => {
  test('interrupts the batch before it begins, if nothing else is wrong', async () => {
    const given = { holds: [hold('dev2')], killed: 'from the start' } as const;
    const cut = await batch(['dev2'], { ...given, troubles: [unanswered] });
    assert.deepEqual([cut.made, cut.interrupted, cut.broken], [['?dev2'], true, 'before']);
    const wrong = await batch(['dev2'], { ...given, broken: { dev2: 1 } });
    assert.deepEqual([wrong.interrupted, wrong.broken], [false, 'before']);
  });

  test('interrupts the batch at its end, without a failure, if nothing else is wrong', async () => {
    const given = { holds: [hold('dev2')], killed: 'during the call' } as const;
    const cut = await batch(['dev2'], { ...given, silenced: true });
    assert.deepEqual([cut.interrupted, cut.failures, cut.broken], [true, [], undefined]);
    assert.deepEqual(
      cut.replies.map(({ node }) => node),
      ['dev2'],
    );
    const wrong = await batch(['dev2'], { ...given, broken: { dev2: 2 } });
    assert.deepEqual([wrong.interrupted, wrong.broken], [false, 'after']);
    const alive = await batch(['dev2'], { holds: given.holds, silenced: true });
    assert.deepEqual([alive.interrupted, alive.broken], [false, 'after'], 'the load balancer is away');
  });

  test('does not matter without a failure of the proof', async () => {
    const { interrupted, broken, made } = await batch(['dev2'], { killed: 'from the start' });
    assert.deepEqual([interrupted, broken, made], [false, undefined, ['dev2']]);
  });
});

describe('a call that puts hosts in', () => {
  const enable = (server: string) => [haproxyDdl, 'enable', { server }] as const;

  test('needs the proof of those hosts by those nodes before, and none after it', async () => {
    const holds = [hold('dev2'), hold('dev4'), hold('dev2', { node: 'lb2' }), hold('dev6', { stale: true })];
    const { made } = await batch(['lb1'], { holds, call: enable('dev2,dev6') });
    assert.deepEqual(made, ['?dev2', 'lb1']);
  });

  test('needs none after a failure: a repair does not wait for the failed condition', async () => {
    assert.deepEqual((await batch(['lb1'], { holds: [hold('dev2')], call: enable('dev2'), undoes: '' })).made, ['lb1']);
  });

  test('needs none if it takes them out', async () => {
    const call = [haproxyDdl, 'disable', { server: 'dev2' }] as const;
    assert.deepEqual((await batch(['lb1'], { holds: [hold('dev2')], call })).made, ['lb1']);
  });
});

describe('hosts that were taken out before the run was resumed', () => {
  const stale = (host: string, step: string) => hold(host, { step, stale: true });

  test('are taken out again before the batch, once for each step that took some out, and then proven', async () => {
    const holds = [stale('dev2', 'round[1].out'), stale('dev4', 'round[1].out'), stale('web9', 'more'), hold('dev6')];
    const changes = { 'round[1].out': { result: { replies: [reply('lb1', { changed: ['dev4'] })] } }, more: {} };
    const { made, repeated, lines, failures } = await batch(
      ['dev2', 'dev4'],
      { holds, changes, step: 'a.update' },
      { provenOut: true },
    );
    assert.deepEqual(repeated, ['a.update.out after 0 calls', 'a.update.more after 0 calls']);
    assert.deepEqual(made, ['?dev2,dev4,web9', 'dev2,dev4', '?dev2,dev4,web9']);
    assert.deepEqual(lines, ['change round[1].out no longer held on lb1 and was done again: dev4']);
    assert.deepEqual(failures, []);
  });

  test('are only proven if the run no longer knows the change', async () => {
    const { made, repeated } = await batch(['dev2'], { holds: [stale('dev2', 'out')] });
    assert.deepEqual([made, repeated], [['?dev2', 'dev2', '?dev2'], []]);
  });

  test('break the batch if they cannot be taken out again: nothing is asked or called', async () => {
    const failures = [{ node: 'lb1', code: 'locked', reason: 'it is locked' }];
    const changes = { out: { result: { failures, replies: [reply('lb2', { changed: true })] } } };
    const given = { holds: [stale('dev2', 'out')], changes, reassert: ['out'] };
    const { made, broken, lines, ...rest } = await batch(['dev2'], given);
    assert.deepEqual([made, broken, rest.repeated.length], [[], 'before', 1]);
    assert.deepEqual(rest.failures, [
      { node: 'lb1', code: 'locked', reason: 'whether change out still holds could not be checked: it is locked' },
    ]);
    assert.deepEqual(lines, ['change out no longer held on lb2 and was done again: it changed something']);
  });
});

describe('changes that a step relies on', () => {
  const relying = (step: string, name: string, changes: Given['changes'], more: Given = {}) =>
    batch(['dev2'], { step, reassert: [name], changes, ...more } as Given);

  test('are those of the nearest step of that name: of its own round, or of one around it', async () => {
    for (const [step, known, expected] of [
      ['work', ['held'], 'held'],
      ['roll[2].work', ['held', 'roll[2].held', 'roll[1].held'], 'roll[2].held'],
      ['roll[2].work', ['held', 'roll[1].held'], 'held'],
      ['a.b.work', ['held', 'a.held', 'a.b.held'], 'a.b.held'],
      ['a.b.work', ['held', 'a.held'], 'a.held'],
    ] as const) {
      const result = { replies: [reply('dev2', { changed: true })] };
      const changes = Object.fromEntries(known.map((name) => [name, { result }]));
      const { lines, repeated } = await relying(step, 'held', changes);
      assert.deepEqual(lines, [`change ${expected} no longer held on dev2 and was done again: it changed something`]);
      assert.deepEqual(repeated, [`${step}.held after 0 calls`]);
    }
  });

  test('are repeated before the call, unless they were made by the last call, are proven, or were never made', async () => {
    const one = async (change: Partial<RepeatableChange>, more: Given = {}) =>
      (await relying('work', 'held', { held: change }, more)).repeated.length;
    assert.equal(await one({}), 1);
    assert.equal(await one({}, { last: 'id of held' }), 0);
    assert.equal(await one({ changesTraffic: true }), 0);
    assert.equal(await one({}, { dryRun: true }), 0);
    assert.equal(await one({}, { done: ['dev2'] }), 0);
    assert.equal(await one({}, { holds: [hold('dev2')], broken: { dev2: 1 } }), 0, 'its hosts were put in');
    assert.deepEqual((await relying('work', 'other', { held: {} })).made, ['dev2']);
  });

  test('are reported with what had to be done again, and not if nothing had', async () => {
    const lineOf = async (changed: unknown) =>
      (await relying('work', 'held', { held: { result: { replies: [reply('dev2', { changed })] } } })).lines;
    const line = 'change held no longer held on dev2 and was done again: ';
    assert.deepEqual(await lineOf(['a', 'b']), [`${line}a, b`]);
    assert.deepEqual(await lineOf(true), [`${line}it changed something`]);
    for (const changed of [[], false, undefined, 'yes', 1]) assert.deepEqual(await lineOf(changed), []);
  });

  test('break the batch if they cannot be made again', async () => {
    const failures = [{ node: 'dev4', code: 'locked', reason: 'it is locked' }];
    const { made, broken } = await relying('work', 'held', { held: { result: { failures } } });
    assert.deepEqual([made, broken], [[], 'before']);
    const cut = { ...failures[0], code: 'cancelled' };
    const killed = await relying(
      'work',
      'held',
      { held: { result: { failures: [cut] } } },
      { killed: 'from the start' },
    );
    assert.deepEqual([killed.broken, killed.interrupted], ['before', true]);
  });
});
