import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { actionOf } from '../../../../src/core/ddl/ddl.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import { okReply, type Outcome } from '../../../../src/core/request/reply.ts';
import { type Findings, noFindings } from '../../../../src/discovery/directory.ts';
import { type Batching, callAgent, type Plan } from '../../../../src/library/fleet/call-agent.ts';
import { unseen } from '../../../../src/library/fleet/environment.ts';
import type { FindSettings, Session } from '../../../../src/library/fleet/session.ts';
import { allNodes, type TargetOptions } from '../../../../src/library/fleet/targets.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { labDdl } from '../../../support/fleet/playbook.ts';
import { type Answer, type SigningNode, signingNode, unwell } from '../../../support/fleet/signing-node.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';

const names = ['web1', 'web2', 'web3', 'web4', 'web5'];

interface Order {
  readonly action?: 'look' | 'change';
  readonly dryRun?: boolean;
  readonly targets?: Partial<TargetOptions>;
  readonly batching?: Partial<Batching>;
  readonly answer?: Answer;
  readonly signal?: AbortSignal;
  /** What the search finds in the end, of the nodes that it asked. */
  readonly findings?: (nodes: Findings['nodes']) => Partial<Findings>;
  /** The method of client.yaml. */
  readonly method?: string;
}

describe('a call of an agent on all nodes that match', () => {
  let fleet: Fleet;
  let rip: Member;
  let members: Member[];
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    members = await Promise.all(names.map((name) => fleet.node(name)));
  });
  after(() => fleet.remove());

  const start = (order: Order) => {
    const { action = 'look', dryRun = false, signal = new AbortController().signal, method = 'mdns' } = order;
    const nodes = members.map((member) => signingNode(member, ['thing'], order.answer ? { answer: order.answer } : {}));
    const searches: FindSettings[] = [];
    let changes = 0;
    const session = {
      config: { timeout: 10, concurrency: 4, discovery: { method } },
      caller: { credentials: rip.credentials, trust: fleet.trust },
      environment: { ...unseen, hasInput: false, onChange: () => void changes++ },
      find: async (_targets: TargetOptions, settings: FindSettings): Promise<Findings> => {
        searches.push(settings);
        await someTurns();
        const matching = await Promise.all(
          nodes.map(async ({ found }) => (await settings.ask?.(found.name, found.connection)) !== false),
        );
        signal.throwIfAborted();
        const found = nodes.map((node) => node.found).filter((_, index) => matching[index]);
        return { ...noFindings, nodes: found, ...order.findings?.(found) };
      },
    } as unknown as Session;
    const arrived: Outcome[] = [];
    const plan: Plan = {
      ...{ agent: 'thing', action, dryRun, input: action === 'change' ? { to: 'b' } : {} },
      description: actionOf(labDdl, action) as Plan['description'],
    };
    const call = {
      ...{ agent: 'thing', planned: plan, plan: () => plan, signal },
      targets: { ...allNodes, filter: { ...noFilter, facts: ['cluster=bravo'] }, ...order.targets },
      batching: { batch: undefined, pause: 0, ...order.batching },
      onOutcome: () => (outcome: Outcome) => void arrived.push(outcome),
    };
    const called = callAgent(call, session, [labDdl]);
    return { called, nodes, searches, arrived, changes: () => changes };
  };
  const calledOf = (nodes: readonly SigningNode[]) =>
    nodes.filter(({ calls }) => calls.length > 0).map(({ found }) => found.name);
  const short = (outcomes: readonly Outcome[]) => outcomes.map(({ node, outcome }) => `${node} ${outcome}`);

  test('goes out as nodes are found only if that is safe: not a change, a batch, a limit or an unknown agent', async () => {
    for (const [what, order, isAsFound] of [
      ['a read', {}, true],
      ['a change', { action: 'change' }, false],
      ['a change of nodes that a list names', { action: 'change', method: 'file' }, true],
      ['a change of nodes that the option names', { action: 'change', targets: { nodesFile: 'list' } }, true],
      ['a change of the nodes of a relay or a service', { action: 'change', method: 'consul' }, false],
      ['a read in batches', { batching: { batch: '2' } }, false],
      ['a read of some of them', { targets: { limit: '2' } }, false],
    ] as readonly (readonly [string, Order, boolean])[]) {
      const { called, searches, nodes } = start(order);
      const { outcomes, isCutOff } = await called;
      assert.equal(searches[0]?.ask !== undefined, isAsFound, what);
      assert.deepEqual([outcomes.length, isCutOff], [5, false], what);
      const filters = nodes.flatMap(({ calls }) => calls.map(({ filter }) => filter?.facts.join() ?? ''));
      assert.deepEqual(
        filters,
        names.map(() => (isAsFound ? 'cluster=bravo' : '')),
        `${what}: the filter goes with the call`,
      );
    }
  });

  test('has no outcome of a node that does not match, or of a name that two nodes prove', async () => {
    const { called, arrived } = start({
      answer: ({ target }) =>
        target === 'web4' ? unwell('refused', new Problem('not-matched', 'it does not match')) : okReply({}),
      findings: (nodes) => ({ nodes: nodes.filter(({ name }) => name !== 'web2') }),
    });
    assert.deepEqual(short((await called).outcomes), ['web1 ok', 'web3 ok', 'web5 ok']);
    assert.ok(!short(arrived).some((line) => line.startsWith('web4')));
  });

  test('leaves a node that cannot be reached to the search, which reports it as silent, and keeps one that was lost', async () => {
    const { called, searches, nodes, arrived } = start({});
    await called;
    const { ask } = searches[0] ?? {};
    const { connection } = nodes[0]?.found ?? {};
    assert.ok(ask && connection);
    const failing = (code: 'unreachable' | 'no-response') => ({
      ...connection,
      call: () => Promise.reject(new Problem(code, 'nothing came')),
    });
    await assert.rejects(ask('web1', failing('unreachable')), { code: 'unreachable' });
    assert.equal(arrived.length, 5);
    assert.equal(await ask('web1', failing('no-response')), true);
    assert.deepEqual(short(arrived.slice(5)), ['web1 no-response']);
  });

  test('is announced as a change once, before any node is called, and only if it is one', async () => {
    for (const [order, expected] of [
      [{ action: 'change' }, 1],
      [{ action: 'change', method: 'file' }, 1],
      [{ action: 'change', dryRun: true }, 0],
      [{ action: 'look' }, 0],
    ] as const) {
      const seen: number[] = [];
      const begun = start({
        ...order,
        answer: () => {
          seen.push(begun.changes());
          return okReply({});
        },
      });
      await begun.called;
      assert.deepEqual(
        seen,
        names.map(() => expected),
        JSON.stringify(order),
      );
    }
  });

  test('calls one batch after the other, each after its pause', async () => {
    using delays = mockDelays();
    const { called, nodes } = start({ batching: { batch: '2', pause: 3000 } });
    await someTurns();
    assert.deepEqual(calledOf(nodes), ['web1', 'web2']);
    await delays.pass(2999);
    assert.deepEqual(calledOf(nodes), ['web1', 'web2']);
    await delays.pass(1);
    assert.deepEqual(calledOf(nodes), ['web1', 'web2', 'web3', 'web4']);
    await delays.pass(3000);
    assert.deepEqual(
      short((await called).outcomes),
      names.map((name) => `${name} ok`),
    );
  });

  test('begins no further batch once it is interrupted, in a batch or between two, and is then cut off', async () => {
    for (const when of ['in the first batch', 'between two'] as const) {
      using delays = mockDelays();
      const control = new AbortController();
      const answer: Answer = async () => {
        await someTurns();
        if (when === 'in the first batch') setImmediate(() => control.abort());
        return okReply({});
      };
      const { called, nodes } = start({ answer, batching: { batch: '2', pause: 3000 }, signal: control.signal });
      for (let turns = 0; turns < 5; turns++) await someTurns();
      if (when === 'between two') control.abort();
      await delays.pass(10_000);
      const { outcomes, isCutOff } = await called;
      assert.deepEqual(calledOf(nodes), ['web1', 'web2'], when);
      assert.deepEqual([outcomes.length, isCutOff], [2, true], when);
    }
  });

  test('has the outcomes so far, and is cut off, when it is interrupted while nodes are still searched for', async () => {
    const control = new AbortController();
    const { called } = start({
      signal: control.signal,
      answer: ({ target }) => {
        if (target === 'web5') control.abort();
        return okReply({});
      },
    });
    const { outcomes, isCutOff } = await called;
    assert.equal(isCutOff, true);
    assert.equal(outcomes.length, 5);
    const before = start({
      signal: AbortSignal.abort(new Problem('cancelled', 'it was interrupted')),
      action: 'change',
    });
    await assert.rejects(before.called, { code: 'cancelled' });
    assert.deepEqual(calledOf(before.nodes), []);
  });
});
