import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { failure, okReply, refusal } from '../../../../src/core/request/reply.ts';
import { hideSensitive } from '../../../../src/core/request/sensitive.ts';
import { startCallMemory } from '../../../../src/daemon/calls/call-memory.ts';
import { type Answer, answer, type IncomingCall } from '../../../../src/daemon/incoming-call.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

const minute = 60_000;
const began = 1_000_000_000;
const [rip, eve, sue] = ['cert=rip@devco.net', 'cert=eve@devco.net', 'cert=sue@devco.net'];
const id = 'a'.repeat(32);
const nonceOf = (byte: number) => Buffer.alloc(16, byte);

function startMemory(completeSince = Number.NEGATIVE_INFINITY) {
  const clock = { now: began };
  const memory = startCallMemory({ records: [], completeSince }, () => clock.now);
  let runs = 0;
  /** Runs a call that replies how many have run. */
  const once = async (changes: Parameters<typeof incomingCall>[0] = {}, given?: Answer) =>
    memory.once(incomingCall({ requestId: id, ...changes }), async () => {
      runs++;
      return given ?? answer(okReply({ count: runs }));
    });
  /** Expired nonces are forgotten when a request arrives. */
  const arrive = (at: number) => {
    clock.now = at;
    memory.registerNonce(nonceOf(200), at);
  };
  return { ...memory, clock, memory, once, arrive, runs: () => runs };
}

const countOf = ({ content, recorded }: Answer) => [content.data.count, recorded];

describe('a nonce', () => {
  test('is admitted once until it expires, the last millisecond included, and again after that', () => {
    const { memory, clock } = startMemory();
    assert.equal(memory.hasNonce(nonceOf(1)), false);
    assert.equal(memory.registerNonce(nonceOf(1), began + 5), true);
    assert.equal(memory.registerNonce(nonceOf(2), began + 5), true);
    for (const later of [0, 1, 5]) {
      clock.now = began + later;
      assert.deepEqual(
        [memory.hasNonce(nonceOf(1)), memory.registerNonce(nonceOf(1), began + 9)],
        [true, false],
        `${later} ms`,
      );
    }
    clock.now = began + 6;
    assert.equal(memory.hasNonce(nonceOf(1)), false);
    assert.equal(memory.registerNonce(nonceOf(1), began + 9), true);
    assert.equal(memory.hasNonce(nonceOf(1)), true);
  });

  test('is kept when expired ones are forgotten', () => {
    const { memory, arrive } = startMemory();
    memory.registerNonce(nonceOf(1), began + 2 * minute);
    arrive(began + minute);
    assert.equal(memory.registerNonce(nonceOf(1), began + 3 * minute), false);
    arrive(began + 2 * minute);
    assert.equal(memory.registerNonce(nonceOf(1), began + 3 * minute), false, 'in the last millisecond');
  });

  test('is known from the start of the memory, or from the start of its complete records, whichever is earlier', () => {
    for (const [completeSince, since] of [
      [began - minute, began - minute],
      [began + minute, began],
    ] as const) {
      const { memory, clock } = startMemory(completeSince);
      clock.now = began + 10 * minute;
      assert.deepEqual(
        [memory.remembersSince(since - 1), memory.remembersSince(since), memory.remembersSince(since + 1)],
        [false, true, true],
      );
    }
  });
});

describe('a try of a change', () => {
  test('runs once: it is UNKNOWN, then RUNNING, and all requests meanwhile or later receive its outcome as a repetition', async () => {
    const { memory } = startMemory();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const call = () => incomingCall({ requestId: id });
    assert.deepEqual(memory.find(rip, id, 1), { state: 'UNKNOWN' });
    const first = memory.once(call(), () => promise);
    assert.deepEqual(memory.find(rip, id, 1), { state: 'RUNNING' });
    const second = memory.once(call(), async () => assert.fail('it runs'));
    resolve(answer(okReply({ count: 7 })));
    assert.deepEqual([await first, await second].map(countOf), [
      [7, false],
      [7, true],
    ]);
    assert.deepEqual(countOf(await memory.once(call(), async () => assert.fail('it has run'))), [7, true]);
    assert.deepEqual(memory.find(rip, id, 1), { state: 'REPLIED', content: okReply({ count: 7 }) });
    for (const [caller, request, attempt] of [
      [eve, id, 1],
      [rip, 'b'.repeat(32), 1],
      [rip, id, 2],
    ] as const) {
      assert.deepEqual(memory.find(caller, request, attempt), { state: 'UNKNOWN' });
    }
  });

  test('runs again as the next try, and by another caller; a read runs each time', async () => {
    const { once, runs } = startMemory();
    assert.deepEqual(countOf(await once()), [1, false]);
    assert.deepEqual(countOf(await once({ try: 2 })), [2, false]);
    assert.deepEqual(countOf(await once({ caller: eve })), [3, false]);
    await once({ action: 'echo' });
    await once({ action: 'echo' });
    assert.equal(runs(), 5);
  });

  test('has no outcome for another request with its id and try, while it runs and after it', async () => {
    const { memory } = startMemory();
    const asked = { text: 'a', secret: { $commitment: 'sha256:00' }, list: [1] };
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const first = memory.once(incomingCall({ requestId: id, input: asked }), () => promise);
    const repeat = (changes: object) =>
      memory.once(incomingCall({ requestId: id, input: asked, ...changes }), async () => assert.fail('it runs'));
    const others = [
      { action: 'hang' },
      { dryRun: true },
      { input: { ...asked, text: 'b' } },
      { input: { ...asked, list: [] } },
      { input: { ...asked, more: true } },
      { input: { text: 'a', list: [1] } },
      { input: { ...asked, secret: [] } },
    ];
    const refuse = async (when: string) => {
      for (const other of others) {
        const { content, recorded } = await repeat(other);
        assert.deepEqual([content.outcome, content.code, recorded], ['refused', 'id-reused', false], when);
      }
    };
    await refuse('while it runs');
    resolve(answer(okReply({ count: 7 })));
    await first;
    await refuse('after it');
    const reordered = { list: [1], secret: { $commitment: 'sha256:ff' }, text: 'a' };
    assert.deepEqual(countOf(await repeat({ input: reordered })), [7, true], 'another salt or order');
  });

  test('has no outcome for a request with another hidden value, while it runs and after it, whatever the salt', async () => {
    const { memory } = startMemory();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const hiding = (values: JsonObject) => {
      const { shown: input, sensitive } = hideSensitive(values, ['secret', 'pin']);
      return incomingCall({ requestId: id, input, sensitive });
    };
    const first = memory.once(hiding({ text: 'a', secret: 'x', pin: 'y' }), () => promise);
    const repeat = (call: IncomingCall) => memory.once(call, async () => assert.fail('it runs'));
    const refuse = async (when: string) => {
      for (const values of [
        { text: 'a', secret: 'z', pin: 'y' },
        { text: 'a', secret: 'y', pin: 'x' },
        { text: 'a', secret: 'x' },
      ]) {
        assert.equal((await repeat(hiding(values))).content.code, 'id-reused', when);
      }
    };
    await refuse('while it runs');
    const again = repeat(hiding({ pin: 'y', secret: 'x', text: 'a' }));
    resolve(answer(okReply({ count: 7 })));
    await first;
    assert.deepEqual(countOf(await again), [7, true]);
    await refuse('after it');
    assert.deepEqual(countOf(await repeat(hiding({ text: 'a', secret: 'x', pin: 'y' }))), [7, true]);
  });

  test('is unknown if it threw, and may run again', async () => {
    const { memory, once } = startMemory();
    const bug = new TypeError('a bug');
    await assert.rejects(
      memory.once(incomingCall({ requestId: id }), async () => Promise.reject(bug)),
      bug,
    );
    assert.deepEqual(memory.find(rip, id, 1), { state: 'UNKNOWN' });
    assert.deepEqual(countOf(await once()), [1, false]);
    const other = { requestId: 'b'.repeat(32) };
    await assert.rejects(
      memory.once(incomingCall(other), async () => Promise.reject(bug)),
      bug,
    );
    memory.withdraw(rip, other.requestId, 1);
    assert.equal((await once(other)).content.code, 'late-try', 'unless it was withdrawn since');
  });

  test('is refused, and not run, if it arrives after a later one', async () => {
    const { once, runs } = startMemory();
    await once({ try: 2 });
    const { content } = await once({ try: 1 });
    assert.deepEqual([content.outcome, content.code, runs()], ['refused', 'late-try', 1]);
    assert.deepEqual(countOf(await once({ try: 3 })), [2, false]);
    assert.equal((await once({ try: 1, requestId: 'b'.repeat(32) })).content.outcome, 'ok', 'of another request');
  });

  test('is refused if it was withdrawn before it arrived; the next one and those of others are not', async () => {
    const { memory, once, runs } = startMemory();
    memory.withdraw(rip, id, 2);
    for (const attempt of [1, 2]) assert.equal((await once({ try: attempt })).content.code, 'late-try', `${attempt}`);
    assert.equal(runs(), 0);
    assert.equal((await once({ try: 2, caller: eve })).content.outcome, 'ok');
    assert.equal((await once({ try: 3 })).content.outcome, 'ok');
    memory.withdraw(rip, id, 2);
    assert.equal((await once({ try: 4 })).content.outcome, 'ok', 'what is past is not withdrawn again');
  });

  test('cannot be withdrawn once it has begun, and a withdrawal of an earlier one does not restore it', async () => {
    const { memory, once } = startMemory();
    await once({ try: 2 });
    memory.withdraw(rip, id, 2);
    assert.deepEqual(countOf(await once({ try: 2 })), [1, true]);
    memory.withdraw(rip, id, 4);
    memory.withdraw(rip, id, 3);
    assert.equal((await once({ try: 4 })).content.code, 'late-try');
    const { promise, reject } = Promise.withResolvers<Answer>();
    const other = { requestId: 'b'.repeat(32) };
    const begun = memory.once(incomingCall(other), () => promise);
    memory.withdraw(rip, other.requestId, 1);
    reject(new TypeError('a bug'));
    await assert.rejects(begun, { message: 'a bug' });
    assert.equal((await once(other)).content.outcome, 'ok', 'it had begun');
  });
});

describe('the memory of calls', () => {
  test('forgets an outcome after half an hour, the last millisecond not included', async () => {
    const { memory, once, arrive } = startMemory();
    await once();
    arrive(began + 30 * minute);
    assert.equal(memory.find(rip, id, 1).state, 'REPLIED');
    arrive(began + 30 * minute + 999);
    assert.equal(memory.find(rip, id, 1).state, 'REPLIED', 'it looks once a second');
    arrive(began + 30 * minute + 1000);
    assert.equal(memory.find(rip, id, 1).state, 'UNKNOWN');
  });

  test('forgets nothing that came later than what is due', async () => {
    const { memory, once, arrive, clock } = startMemory();
    await once();
    clock.now = began + minute;
    await once({ requestId: 'b'.repeat(32) });
    arrive(began + 30 * minute + 1);
    assert.deepEqual(
      [id, 'b'.repeat(32)].map((one) => memory.find(rip, one, 1).state),
      ['UNKNOWN', 'REPLIED'],
    );
  });

  test('forgets which tries are late, after half an hour', async () => {
    const { memory, once, arrive } = startMemory();
    memory.withdraw(rip, id, 1);
    memory.withdraw(rip, 'b'.repeat(32), 1);
    arrive(began + 30 * minute);
    assert.equal((await once()).content.code, 'late-try');
    arrive(began + 30 * minute + 1000);
    assert.equal((await once({ requestId: 'b'.repeat(32) })).content.outcome, 'ok');
  });

  test('forgets them even if a later try of the first request came since', async () => {
    for (const again of ['withdrawn', 'made'] as const) {
      const { memory, once, arrive, clock } = startMemory();
      memory.withdraw(rip, id, 1);
      memory.withdraw(rip, 'b'.repeat(32), 1);
      clock.now = began + minute;
      if (again === 'made') await once({ try: 2 });
      else memory.withdraw(rip, id, 2);
      arrive(began + 30 * minute + 1);
      assert.equal((await once({ requestId: 'b'.repeat(32) })).content.outcome, 'ok', again);
      assert.equal((await once({ try: 1 })).content.code, 'late-try', again);
    }
  });

  test('forgets the oldest when there are more than 5000, at once', async () => {
    const { memory, once, arrive } = startMemory();
    arrive(began);
    const idOf = (number: number) => number.toString(16).padStart(32, '0');
    for (let number = 0; number < 5000; number++) await once({ requestId: idOf(number) });
    arrive(began + 1);
    assert.equal(memory.find(rip, idOf(0), 1).state, 'REPLIED');
    await once({ requestId: idOf(5000) });
    arrive(began + 2);
    assert.deepEqual(
      [0, 1, 5000].map((number) => memory.find(rip, idOf(number), 1).state),
      ['UNKNOWN', 'REPLIED', 'REPLIED'],
    );
  });

  test('forgets nobody’s calls for those of another caller, and none that runs', async () => {
    const { memory, once, arrive } = startMemory();
    const idOf = (number: number) => number.toString(16).padStart(32, '0');
    await once({ requestId: id });
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = memory.once(incomingCall({ requestId: idOf(0), caller: eve }), async () => {
      await promise;
      return answer(okReply({}));
    });
    for (let number = 1; number <= 5010; number++) await once({ requestId: idOf(number), caller: eve });
    arrive(began);
    assert.equal(memory.find(rip, id, 1).state, 'REPLIED');
    assert.deepEqual(
      [0, 12, 13].map((number) => memory.find(eve, idOf(number), 1).state),
      ['RUNNING', 'UNKNOWN', 'REPLIED'],
    );
    arrive(began + 31 * minute);
    assert.equal(memory.find(eve, idOf(0), 1).state, 'RUNNING');
    resolve();
    await running;
    assert.equal(memory.find(eve, idOf(0), 1).state, 'REPLIED');
  });

  test('has a limited number of withdrawn tries, of which nobody loses one for those of another', async () => {
    const { memory, once, arrive } = startMemory();
    memory.withdraw(rip, id, 1);
    for (let number = 0; number <= 5000; number++) memory.withdraw(eve, number.toString(16).padStart(32, '0'), 1);
    arrive(began);
    assert.equal((await once()).content.code, 'late-try');
    const codes = [0, 1, 2].map(async (number) => {
      const requestId = number.toString(16).padStart(32, '0');
      return (await once({ requestId, caller: eve })).content.code;
    });
    assert.deepEqual(await Promise.all(codes), ['', '', 'late-try']);
  });

  test('forgets in time even after the clock was set back', async () => {
    const { memory, once, arrive, clock } = startMemory();
    arrive(began + 600 * minute);
    clock.now = began;
    await once();
    arrive(began + 30 * minute + 1);
    assert.equal(memory.find(rip, id, 1).state, 'UNKNOWN');
  });
});

describe('the same try of a call of a run by another operator', () => {
  const under = { requestId: id, runId: 'r', lease: 'app/bravo' };
  const asked = (memory: ReturnType<typeof startMemory>, caller: string, changes: object = {}) =>
    memory.outcomeInSameRun(incomingCall({ ...under, caller, ...changes }));

  test('receives the outcome of the first, while it runs and after it', async () => {
    const memory = startMemory();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const first = memory.memory.once(incomingCall(under), () => promise);
    const second = asked(memory, eve);
    assert.ok(second !== undefined);
    resolve(answer(okReply({ count: 7 })));
    assert.deepEqual(countOf(await second), [7, true]);
    await first;
    const later = await asked(memory, eve);
    assert.ok(later !== undefined);
    assert.deepEqual(countOf(later), [7, true]);
    memory.arrive(began + minute);
    assert.ok((await asked(memory, eve)) !== undefined, 'also after something was forgotten');
  });

  test('counts as new if run, lease, request, try, agent or action differs, or the operator is the same', async () => {
    const memory = startMemory();
    await memory.once(under);
    for (const changes of [
      { runId: 'other' },
      { lease: 'app/alpha' },
      { requestId: 'b'.repeat(32) },
      { try: 2 },
      { agent: 'other' },
      { action: 'hang' },
    ]) {
      assert.equal(asked(memory, eve, changes), undefined, JSON.stringify(changes));
    }
    assert.equal(asked(memory, rip), undefined);
  });

  test('is refused if it asks for something else', async () => {
    const memory = startMemory();
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const first = memory.memory.once(incomingCall(under), () => promise);
    for (const changes of [{ input: { text: 'other' } }, { dryRun: true }]) {
      assert.equal((await asked(memory, eve, changes))?.content.code, 'id-reused', 'while the first runs');
    }
    resolve(answer(okReply({})));
    await first;
    const { content } = (await asked(memory, eve, { dryRun: true })) ?? assert.fail();
    assert.deepEqual([content.outcome, content.code], ['refused', 'id-reused']);
  });

  test('counts as new outside of a run or a lease', async () => {
    for (const outside of [{ runId: '' }, { lease: '' }]) {
      const memory = startMemory();
      await memory.once({ ...under, ...outside });
      assert.equal(asked(memory, eve, outside), undefined);
    }
  });

  test('counts as new after a refusal, and then others receive its outcome', async () => {
    const memory = startMemory();
    await memory.once(under, answer(refusal(new Problem('policy-denied', 'no'))));
    assert.equal(asked(memory, eve), undefined);
    await memory.once({ ...under, caller: eve });
    assert.deepEqual(countOf((await asked(memory, sue)) ?? assert.fail()), [2, true]);
    assert.deepEqual(countOf((await asked(memory, rip)) ?? assert.fail()), [2, true]);
  });

  test('still belongs to the first operator if another one makes it, too', async () => {
    const memory = startMemory();
    await memory.once(under, answer(failure(new Problem('timeout', 'late'))));
    await memory.once({ ...under, caller: eve });
    assert.equal((await asked(memory, sue))?.content.code, 'timeout');
  });

  test('is free again when the first is forgotten', async () => {
    const memory = startMemory();
    await memory.once(under);
    memory.arrive(began + 30 * minute + 1);
    assert.equal(asked(memory, eve), undefined);
    await memory.once({ ...under, caller: eve });
    assert.deepEqual(countOf((await asked(memory, sue)) ?? assert.fail()), [2, true]);
  });
});
