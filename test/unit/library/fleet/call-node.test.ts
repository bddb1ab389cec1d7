import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { Problem, TurnedAway } from '../../../../src/core/errors.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { type CallOptions, callDefaults, newId } from '../../../../src/core/request/request.ts';
import { type Caller, callNode, type NodeCallSettings } from '../../../../src/library/fleet/call-node.ts';
import type { Heads, KnownHead } from '../../../../src/library/fleet/heads.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { type SigningNode, type SigningNodeOptions, signingNode } from '../../../support/fleet/signing-node.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';

const lost = () => {
  throw new Problem('no-response', 'the connection was lost');
};

describe('a call of one node', () => {
  let fleet: Fleet;
  let rip: Member;
  let dev2: Member;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    dev2 = await fleet.node('dev2');
  });
  after(() => fleet.remove());

  const startCall = (
    options: SigningNodeOptions,
    more: Partial<NodeCallSettings> = {},
    heads?: Partial<Heads>,
    call: Partial<CallOptions> = {},
  ) => {
    const node = signingNode(dev2, ['thing'], options);
    const settings = { timeout: 5000, changes: true, onProgress: () => {}, signal: new AbortController().signal };
    const caller: Caller = {
      credentials: rip.credentials,
      trust: fleet.trust,
      ...(heads === undefined ? {} : { heads: heads as Heads }),
    };
    const order: CallOptions = {
      ...callDefaults,
      ...{ requestId: newId(), target: 'dev2', agent: 'thing', action: 'change', input: {}, ...call },
    };
    return { node, outcome: callNode(node.found.connection, order, caller, { ...settings, ...more }) };
  };

  test('is sent once, although the reply to a change is lost: only the result is asked for, until the node has it', async () => {
    using delays = mockDelays();
    let node: SigningNode | undefined;
    const begun = startCall({
      answer: lost,
      result: (sent, ask) =>
        ask < 3 ? { state: 'RUNNING' } : { state: 'REPLIED', reply: node?.reply(sent, okReply({ to: 'b' })) ?? null },
    });
    node = begun.node;
    await someTurns();
    for (let passed = 0; passed < 3; passed++) await delays.pass(500);
    const { outcome, data } = await begun.outcome;
    assert.deepEqual([outcome, data], ['ok', { to: 'b' }]);
    assert.deepEqual([node.calls.length, node.asked()], [1, 3]);
  });

  test('ends when its caller no longer waits, or at its own time, and never if it is detached', async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    for (const [call, expected] of [
      [{}, Date.now() + 5000],
      [{ deadline: Date.now() + 70 }, Date.now() + 70],
      [{ detach: true }, 0],
    ] as const) {
      const { node, outcome } = startCall({}, {}, undefined, call);
      await outcome;
      assert.equal(node.calls[0]?.deadline, expected, JSON.stringify(call));
    }
  });

  test('has no response from a node that stops, cannot be reached or hangs up', async () => {
    for (const code of ['not-serving', 'unreachable', 'no-response'] as const) {
      const answer = () => {
        throw new Problem(code, 'no answer');
      };
      const { outcome, code: why } = await startCall({ answer }, { changes: false }).outcome;
      assert.deepEqual([outcome, why], ['no-response', code]);
    }
  });

  test('is not sent again if the node does not know it, if it is a read, or if the node refuses', async () => {
    using delays = mockDelays();
    for (const [what, answer, changes, asked, expected] of [
      ['a change that never arrived', lost, true, 1, 'no-response'],
      ['a read', lost, false, 0, 'no-response'],
      [
        'a refusal',
        () => {
          throw new TurnedAway('busy', 'too many calls');
        },
        true,
        0,
        'refused',
      ],
      [
        'a node that cannot be reached',
        () => {
          throw new Problem('unreachable', 'nothing answers');
        },
        true,
        0,
        'no-response',
      ],
    ] as const) {
      const { node, outcome } = startCall({ answer }, { changes });
      await someTurns();
      await delays.pass(500);
      assert.equal((await outcome).outcome, expected, what);
      assert.deepEqual([node.calls.length, node.asked()], [1, asked], what);
    }
  });

  test('is given up after six questions that nobody answers, at its time, or when its caller ends it', async () => {
    using delays = mockDelays();
    const gone = { answer: lost, result: lost };
    const silent = startCall(gone, { timeout: 60_000 });
    await someTurns();
    for (let passed = 0; passed < 10; passed++) await delays.pass(500);
    assert.equal((await silent.outcome).outcome, 'no-response');
    assert.equal(silent.node.asked(), 6);
    const late = startCall({ answer: lost, result: () => ({ state: 'RUNNING' }) }, { timeout: 1200 });
    for (let passed = 0; passed < 20; passed++) await delays.pass(100);
    const { outcome, message } = await late.outcome;
    assert.deepEqual([outcome, message], ['no-response', 'dev2 did not answer in time']);
    assert.equal(late.node.asked(), 2);
    const control = new AbortController();
    const ended = startCall(gone, { signal: control.signal });
    await someTurns();
    await delays.pass(600);
    control.abort();
    await delays.pass(5000);
    assert.equal((await ended.outcome).outcome, 'no-response');
    assert.equal(ended.node.asked(), 1);
    const stopped = new AbortController();
    const before = startCall(
      {
        answer: () => {
          stopped.abort();
          return lost();
        },
      },
      { signal: stopped.signal },
    );
    await delays.pass(5000);
    assert.equal((await before.outcome).outcome, 'no-response');
    assert.equal(before.node.asked(), 0, 'its caller had ended it before the reply was lost');
  });

  test('is not sent at all if its caller has ended it before', async () => {
    for (const changes of [true, false]) {
      const { node, outcome } = startCall({}, { changes, signal: AbortSignal.abort() });
      const { outcome: what, code } = await outcome;
      assert.deepEqual([what, code], ['cancelled', 'cancelled']);
      assert.deepEqual([node.calls.length, node.asked()], [0, 0]);
    }
  });

  test('leaves nothing on the signal of its caller and no timer, however it ends', async () => {
    const control = new AbortController();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    for (const answer of [() => okReply({}), lost] as const) {
      await startCall({ answer }, { changes: false, signal: control.signal }).outcome;
      assert.equal(getEventListeners(control.signal, 'abort').length, 0);
    }
    assert.ok(timers() <= before);
  });

  test('keeps the end of the audit log alone, not the message that brought it', async () => {
    const auditHead = { sequence: 7, hash: Buffer.alloc(32, 7), signature: Buffer.alloc(70, 1) };
    const { auditHead: kept } = await startCall({ envelope: () => ({ auditHead }) }).outcome;
    assert.deepEqual(kept, auditHead);
    assert.deepEqual([kept?.hash.buffer.byteLength, kept?.signature.buffer.byteLength], [32, 70]);
  });

  test('is a failure if the audit log of the node was rewritten, and the proof is stored before it is reported', async () => {
    const head = { sequence: 7, hash: Buffer.alloc(32, 7), signature: Buffer.alloc(64) };
    const happened: string[] = [];
    const heads: Partial<Heads> = {
      known: () => ({ sequence: 5, hash: '05'.repeat(32) }) as KnownHead,
      distrust: () => undefined,
      take: (node, { sequence }, _certificate, asOf, check) => {
        happened.push(`take ${node} ${sequence} after ${asOf?.sequence} ${check}`);
        return new Problem('audit-forked', 'the audit log of dev2 was rewritten', 'find out why');
      },
      save: async () => {
        await someTurns();
        happened.push('saved');
      },
    };
    const envelope = () => ({ auditHead: head, headCheck: 'BROKEN' as const });
    const { node, outcome } = startCall({ envelope }, {}, heads);
    const { outcome: what, code, message, hint } = await outcome;
    assert.deepEqual([what, code, hint], ['failed', 'audit-forked', 'find out why']);
    assert.match(message, /its reply was: ok/);
    assert.deepEqual(happened, ['take dev2 7 after 5 BROKEN', 'saved']);
    assert.deepEqual(
      node.calls.map(({ knownSequence, knownHash }) => [knownSequence, Buffer.from(knownHash).toString('hex')]),
      [[5, '05'.repeat(32)]],
    );
  });

  test('asks a node that is not trusted to change nothing, and still reads it', async () => {
    const heads: Partial<Heads> = {
      known: () => undefined,
      distrust: () => new Problem('audit-back', 'the audit log of dev2 was cut', 'find out why'),
    };
    const change = startCall({}, { changes: true }, heads);
    const { outcome, code, message } = await change.outcome;
    assert.deepEqual([outcome, code], ['refused', 'audit-back']);
    assert.match(message, /^nothing was sent/);
    assert.equal(change.node.calls.length, 0);
    const read = startCall({}, { changes: false }, heads);
    assert.equal((await read.outcome).outcome, 'ok');
    assert.equal(read.node.calls.length, 1);
  });
});
