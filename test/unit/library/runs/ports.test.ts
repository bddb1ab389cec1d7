import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { angeliaDdl } from '../../../../src/agents/angelia/ddl.ts';
import { journalDdl } from '../../../../src/agents/journal/ddl.ts';
import { lockDdl } from '../../../../src/agents/lock/ddl.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import { okReply, type Outcome } from '../../../../src/core/request/reply.ts';
import type { Session } from '../../../../src/library/fleet/session.ts';
import type { PortParts } from '../../../../src/library/runs/port-parts.ts';
import { playbookPorts } from '../../../../src/library/runs/ports.ts';
import type { NodeCall } from '../../../../src/playbook/ports.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { labDdl } from '../../../support/fleet/playbook.ts';
import { type Answer, type SigningNode, signingNode, unwell } from '../../../support/fleet/signing-node.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { rejection } from '../../../support/thrown.ts';

const runId = 'a'.repeat(32);
const never = new AbortController().signal;
const names = ['lb1', 'web1', 'web2', 'web3'];
const lease = { name: 'bravo', nodes: ['web1', 'web2'], runId };

describe('the ports of a run over nodes', () => {
  let fleet: Fleet;
  let rip: Member;
  let members: Member[];
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    members = await Promise.all(names.map((name) => fleet.node(name)));
  });
  after(() => fleet.remove());

  /** A run on these nodes, which all run lock, angelia and thing. `happened` has what it did, in order. */
  const startPorts = async (answer: Answer = grant, more: Partial<PortParts> = {}) => {
    const happened: string[] = [];
    const lost: Problem[] = [];
    const nodes = members.map((member) =>
      signingNode(member, ['lock', 'angelia', 'thing'], {
        answer: (request, signal, onProgress) => {
          happened.push(`${request.action} ${request.target}`);
          return answer(request, signal, onProgress);
        },
      }),
    );
    const session = {
      config: { timeout: 10, concurrency: 2, lease: 30, inputs: {}, journal: 'auto' },
      caller: { credentials: rip.credentials, trust: fleet.trust },
      find: async () => ({ nodes: nodes.map(({ found }) => found), silent: [], broken: [] }),
    } as unknown as Session;
    const stored = {
      note: () => {},
      open: () => void happened.push('journal opened'),
      beforeChange: async () => {},
      describe: async () => '',
      close: async () => {
        await someTurns();
        happened.push('journal closed');
      },
    };
    const ports = playbookPorts({
      session,
      catalogue: [angeliaDdl, journalDdl, labDdl, lockDdl],
      targets: { filter: noFilter } as PortParts['targets'],
      journal: { write: async () => {}, stored },
      emit: () => {},
      onProgress: () => {},
      env: {},
      warn: assert.fail,
      locking: {
        wait: 0,
        from: 'test',
        signal: never,
        report: (line) => void happened.push(line),
        onLost: (why) => void lost.push(why as Problem),
      },
      ...more,
    });
    await ports.discover({ filter: noFilter, atLeast: 1 });
    return { ports, happened, lost, nodes, byName: (name: string) => nodes[names.indexOf(name)] as SigningNode };
  };
  const take = (ports: Awaited<ReturnType<typeof startPorts>>['ports'], request = lease) => {
    assert.ok(ports.takeLease !== undefined);
    return ports.takeLease(request);
  };
  const call = (order: Partial<NodeCall> = {}): NodeCall => ({
    ...{ agent: 'thing', action: 'change', input: { to: 'b' }, nodes: ['web1'], requestId: 'b'.repeat(32) },
    ...{ try: 1, dryRun: false, runId, step: 'move' },
    ...order,
  });

  test('let a call begin only when the journal here and that on nodes both have it', async () => {
    for (const slow of ['write', 'beforeChange'] as const) {
      const waiting = Promise.withResolvers<void>();
      const fast = async () => {};
      const journal = { write: fast, stored: { beforeChange: fast } };
      if (slow === 'write') journal.write = () => waiting.promise;
      else journal.stored.beforeChange = () => waiting.promise;
      const { ports } = await startPorts(grant, { journal: journal as unknown as PortParts['journal'] });
      let written = false;
      const writing = ports.journal({ at: 1, runId, type: 'run-resumed', operator: 'rip' }).then(() => {
        written = true;
      });
      await someTurns();
      assert.equal(written, false, slow);
      waiting.reject(new Problem('journal-failed', 'the disk is full'));
      assert.equal((await rejection(writing)).code, 'journal-failed', slow);
    }
  });

  test('end a run whose hosts others have changed while it waited for its lease, and give the lease back', async () => {
    const later = new Problem('run-superseded', 'a later run has changed web1');
    const locking = { wait: 0, from: 'test', signal: never, report: () => {}, onLost: () => {} };
    const { ports, happened } = await startPorts(grant, {
      locking: { ...locking, onHeld: () => Promise.reject(later) },
    });
    assert.equal((await rejection(take(ports))).code, 'run-superseded');
    await ports.release();
    assert.deepEqual(happened.filter((one) => one.startsWith('release')).sort(), ['release web1', 'release web2']);
  });

  test('send the last lines of the journal before they give up the lease and the notice', async () => {
    const { ports, happened } = await startPorts();
    await take(ports);
    await ports.keepNotice?.({ runId, nodes: ['lb1'], input: { recipient: 'webhook:ops' }, message: () => 'x' });
    happened.length = 0;
    await ports.release();
    assert.equal(happened[0], 'journal closed');
    assert.deepEqual(happened.slice(1).sort(), ['release web1', 'release web2', 'sendmsg lb1']);
  });

  test('count a refused lease among the outcomes, and take a lease once on each node', async () => {
    const refusing = await startPorts(() => unwell('refused', new Problem('policy-denied', 'no policy allows it')));
    assert.equal((await rejection(take(refusing.ports))).code, 'no-lease');
    assert.deepEqual(
      refusing.ports.seen().outcomes.map(({ outcome }) => outcome),
      ['refused'],
    );
    const { ports, happened } = await startPorts();
    const taken = () => happened.filter((line) => line.startsWith('take')).map((line) => line.slice(5));
    await take(ports);
    await take(ports, { ...lease, nodes: ['lb1', 'web1', 'web2'] });
    assert.deepEqual(taken(), ['web1', 'web2', 'lb1'], 'only the node without it is asked');
    await take(ports, { ...lease, name: 'other', nodes: ['web1'] });
    assert.deepEqual(taken(), ['web1', 'web2', 'lb1', 'web1'], 'another lease of that node');
    await ports.release();
    assert.equal(happened.filter((line) => line.startsWith('release')).length, 4, 'all of them are released');
  });

  test('take no lease that they cannot record, and still renew and release one', async () => {
    let isFull = true;
    const write = async () => {
      if (isFull) throw new Problem('journal-failed', 'the disk is full');
    };
    const stored = { open: () => {}, close: async () => {}, beforeChange: async () => {} };
    const { ports, happened } = await startPorts(grant, {
      journal: { write, stored } as unknown as PortParts['journal'],
    });
    assert.equal((await rejection(take(ports))).code, 'journal-failed');
    assert.deepEqual(happened, []);
    isFull = false;
    await take(ports);
    isFull = true;
    happened.length = 0;
    await ports.release();
    assert.deepEqual(happened.sort(), ['release web1', 'release web2']);
  });

  test('report a lease that a node no longer has, so that the run ends', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      const stale = new Problem('stale-lease', 'it has ended');
      const { ports, lost } = await startPorts((request, ...more) =>
        request.action === 'renew' ? unwell('refused', stale) : grant(request, ...more),
      );
      await take(ports);
      assert.deepEqual(lost, []);
      mock.timers.tick(10_000);
      await someTurns();
      assert.deepEqual(
        lost.map(({ code }) => code),
        ['lease-lost'],
      );
      await ports.release();
    } finally {
      mock.timers.reset();
    }
  });

  test('update the notice of interruption after each step', async () => {
    const { ports, byName } = await startPorts();
    const texts = ['begun', 'after a step'];
    const message = () => texts.shift() ?? 'withdrawn';
    await ports.keepNotice?.({ runId, nodes: ['lb1'], input: { recipient: 'webhook:ops' }, message });
    ports.emit({ type: 'step-finished', label: '', report: {} } as never);
    await someTurns();
    assert.deepEqual(
      byName('lb1').calls.map(({ input }) => input.message),
      ['begun', 'after a step'],
    );
    await ports.release();
  });

  test('leave the notice of interruption if no node sent the message of a failure, for whatever reason', async () => {
    const failed = (code: string) => ({ state: 'failed', failed: [{ node: 'lb1', code, reason: '' }] });
    const sent = { notifies: 'failure', afterFailure: true, title: 'angelia#sendmsg' };
    for (const [report, isLeft] of [
      [{ ...sent, ...failed('no-response') }, true],
      [{ ...sent, ...failed('expired-certificate') }, true],
      [{ ...sent, ...failed('queue-full') }, true],
      [{ ...sent, state: 'done', failed: failed('no-response').failed }, false],
      [{ ...sent, ...failed('no-response'), notifies: undefined }, false],
    ] as const) {
      const warned: string[] = [];
      const { ports, byName } = await startPorts(grant, { warn: (line) => void warned.push(line) });
      const message = () => 'text';
      await ports.keepNotice?.({ runId, nodes: ['lb1'], input: { recipient: 'webhook:ops' }, message });
      ports.emit({ type: 'step-finished', label: '', report } as never);
      await ports.release();
      assert.equal(
        byName('lb1').calls.some(({ input }) => input.hold === 0),
        !isLeft,
        JSON.stringify(report),
      );
      assert.equal(warned.length, isLeft ? 1 : 0);
    }
  });

  test('send a change under the newest lease of its node; a read, and a message that may be about its loss, under none', async () => {
    let fence = 0;
    const { ports, byName } = await startPorts((request, ...more) =>
      request.action === 'take' ? okReply({ fence: ++fence }) : grant(request, ...more),
    );
    await take(ports, { ...lease, nodes: ['web1', 'web2'] });
    await take(ports, { ...lease, name: 'inner', nodes: ['web2'] });
    await ports.call(call({ nodes: ['web1', 'web2', 'web3'] }), () => {}, never);
    await ports.call(call({ action: 'look', input: {}, nodes: ['web2'] }), () => {}, never);
    const message = { recipient: 'webhook:ops', message: 'x' };
    await ports.call(call({ agent: 'angelia', action: 'sendmsg', input: message, nodes: ['web2'] }), () => {}, never);
    const stamps = (name: string) =>
      byName(name)
        .calls.filter(({ agent }) => agent !== 'lock')
        .map((one) => `${one.action} ${one.lease} ${one.fence}`);
    assert.deepEqual(stamps('web1'), ['change bravo 1']);
    assert.deepEqual(stamps('web2'), ['change inner 3', 'look  0', 'sendmsg  0']);
    assert.deepEqual(stamps('web3'), ['change  0'], 'a node without a lease');
    await ports.release();
  });

  test('sign what a step asks for, hide sensitive inputs and keep its deadline', async () => {
    const { ports, byName } = await startPorts();
    const began = Date.now();
    await ports.call(
      call({ input: { to: 'b', token: 'hunter2' }, timeout: 90_000, dryRun: true, try: 3 }),
      () => {},
      never,
    );
    const [sent] = byName('web1').calls;
    assert.ok(sent !== undefined);
    const { agent, action, target, requestId, runId: run, step, dryRun, try: attempt, deadline, input } = sent;
    assert.deepEqual(
      { agent, action, target, requestId, run, step, dryRun, attempt },
      {
        ...{ agent: 'thing', action: 'change', target: 'web1', requestId: 'b'.repeat(32) },
        ...{ run: runId, step: 'move', dryRun: true, attempt: 3 },
      },
    );
    assert.ok(deadline >= began + 90_000 && deadline <= Date.now() + 90_000, `the deadline is ${deadline - began} ms`);
    assert.equal(input.to, 'b');
    assert.doesNotMatch(JSON.stringify(input), /hunter2/);
  });

  test('call no more nodes at once than configured, each once, and remember every outcome', async () => {
    let [now, most] = [0, 0];
    const { ports } = await startPorts(async ({ target }) => {
      now++;
      most = Math.max(most, now);
      await someTurns();
      now--;
      return target === 'web2' ? unwell('failed', new Problem('internal', 'it broke')) : okReply({});
    });
    const arrived: Outcome[] = [];
    const outcomes = await ports.call(call({ nodes: [...names, 'gone'] }), (one) => arrived.push(one), never);
    assert.equal(most, 2);
    const short = (list: readonly Outcome[]) => list.map(({ node, outcome }) => `${node} ${outcome}`).sort();
    assert.deepEqual(short(outcomes), ['gone no-response', 'lb1 ok', 'web1 ok', 'web2 failed', 'web3 ok']);
    assert.deepEqual(short(arrived), short(outcomes));
    assert.deepEqual(
      ports
        .seen()
        .outcomes.map(({ outcome }) => outcome)
        .sort(),
      ['failed', 'no-response', 'ok', 'ok', 'ok'],
    );
  });

  test('wait for the time of the action, or of the step, and the client’s time to connect', async () => {
    using delays = mockDelays();
    for (const [timeout, total] of [
      [undefined, 15_000],
      [2000, 12_000],
    ] as const) {
      const { ports } = await startPorts(() => new Promise(() => {}));
      const ended: Outcome[] = [];
      const order = timeout === undefined ? call() : call({ timeout });
      void ports
        .call(order, () => {}, never)
        .then((outcomes) => {
          ended.push(...outcomes);
        });
      await someTurns();
      await delays.pass(total - 1);
      assert.deepEqual(ended, [], `after ${total - 1} ms`);
      await delays.pass(1);
      assert.deepEqual(
        ended.map(({ outcome, message }) => `${outcome}: ${message}`),
        ['no-response: web1 did not answer in time'],
      );
    }
  });
});

/** Gives leases, and accepts everything. */
const grant: Answer = ({ action }) => okReply(action === 'take' ? { fence: 1 } : {});
