import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from '../../../../src/core/request/reply.ts';
import { judge } from '../../../../src/playbook/call/judge.ts';
import { failureOf, replyOf, silence } from '../../../../src/playbook/call/reply.ts';
import type { StepCall } from '../../../../src/playbook/call/step-call.ts';
import { compileExpression } from '../../../../src/playbook/expressions/expression.ts';
import { names, record } from '../../../../src/playbook/expressions/shapes.ts';
import { locationOf } from '../../../../src/playbook/source/locations.ts';

const nowhere = locationOf({ text: '', locate: () => 'test.yaml:1:1' }, []);
const reply = names(['node', 'ok', 'outcome', 'code', 'message', 'data']);
const until = compileExpression('reply.data.number == 0', record({ reply }), nowhere);
const outcome = (fields: Partial<Outcome> = {}): Outcome => ({
  ...{ node: 'a', outcome: 'ok', status: 0, code: '', message: '', hint: '', data: { number: 0 }, elapsed: 1 },
  ...fields,
});

interface Given {
  readonly plan?: object;
  readonly ddl?: object;
  readonly hypothetical?: boolean;
  readonly earlier?: object;
}
function judged(given: Given, fields: Partial<Outcome> = {}, streak = 0) {
  const ddl = { kind: 'change', repeatable: true, output: { required: ['number'] }, ...given.ddl };
  const plan = { ddl, until, passes: 1, message: undefined, ...given.plan };
  const call = {
    plan,
    hypothetical: given.hypothetical === true,
    earlier: given.earlier,
    run: { context: () => ({}) },
  };
  return judge(call as unknown as StepCall, outcome(fields), streak);
}

describe('a sufficient reply', () => {
  test('is done: it has no failure, and the call is not repeated', () => {
    const { reply: said, ...rest } = judged({});
    assert.deepEqual(rest, { failure: undefined, streak: 1, again: false });
    assert.deepEqual([said.ok, said.data], [true, { number: 0 }]);
    assert.equal(judged({ plan: { until: undefined } }, { data: { number: 7 } }).failure, undefined);
  });

  test('is requested again until it passed often enough in a row', () => {
    const plan = { passes: 3 };
    const failure = { node: 'a', code: 'until-failed', reason: 'it did not hold 3 times in a row' };
    for (const before of [0, 1]) {
      const { reply: said, ...rest } = judged({ plan }, {}, before);
      assert.deepEqual(rest, { failure, streak: before + 1, again: true });
      assert.equal(said.ok, false);
    }
    assert.deepEqual(judged({ plan }, {}, 2).failure, undefined);
  });

  test('counts once for a change in a dry run', () => {
    assert.equal(judged({ plan: { passes: 3 }, hypothetical: true }).failure, undefined);
  });
});

describe('an insufficient reply', () => {
  test('is requested again, and counts from 0', () => {
    const { reply: said, ...rest } = judged({}, { data: { number: 1 } }, 2);
    const failure = { node: 'a', code: 'until-failed', reason: '“reply.data.number == 0” does not hold' };
    assert.deepEqual(rest, { failure, streak: 0, again: true });
    assert.equal(said.ok, false);
  });

  test('has the playbook’s message, or why it cannot be computed', () => {
    const reason = (message: () => unknown) => judged({ plan: { message } }, { data: { number: 1 } }).failure?.reason;
    assert.equal(
      reason(() => 'too many'),
      'too many',
    );
    const broken = () => {
      throw new Error('no such field');
    };
    assert.equal(reason(broken), 'no such field');
    assert.match(judged({}, { data: {} }).failure?.reason ?? '', /number/);
  });

  test('is not requested again for a change in a dry run, and does not count as a failed reply', () => {
    const { reply: said, again } = judged({ hypothetical: true }, { data: { number: 1 } });
    assert.deepEqual([said.ok, again], [true, false]);
  });
});

describe('a call that did not succeed', () => {
  for (const [fields, again] of [
    [{ outcome: 'failed', code: 'broken', message: 'it is broken', hint: 'fix it' }, true],
    [{ outcome: 'no-response', code: 'no-response', message: 'no response' }, true],
    [{ outcome: 'refused', code: 'policy-denied', message: 'no' }, false],
    [{ outcome: 'refused', code: 'busy', message: 'later' }, true],
    [{ outcome: 'refused', code: 'rate-limited', message: 'later' }, true],
    [{ outcome: 'refused', code: 'stopping', message: 'later' }, true],
    [{ outcome: 'failed', code: 'policy-denied', message: 'no' }, true],
  ] as [Partial<Outcome>, boolean][]) {
    test(`(${fields.outcome}, ${fields.code}) is ${again ? '' : 'not '}tried again, from 0`, () => {
      const { failure, ...rest } = judged({}, fields, 2);
      assert.deepEqual([rest.streak, rest.again, rest.reply.ok], [0, again, false]);
      assert.equal(failure?.code, fields.code);
    });
  }

  test('has its reason as text: the message and the hint, or else the outcome', () => {
    const reason = (fields: Partial<Outcome>) => failureOf(outcome({ outcome: 'failed', ...fields }));
    assert.deepEqual(reason({ code: 'x', message: 'm', hint: 'h' }), { node: 'a', code: 'x', reason: 'm: h' });
    assert.deepEqual(reason({ code: 'x', message: 'm' }), { node: 'a', code: 'x', reason: 'm' });
    assert.deepEqual(reason({}), { node: 'a', code: 'failed', reason: 'failed' });
  });
});

describe('a reply that cannot be used', () => {
  const list = Array.from({ length: 10_001 }, () => 'x');

  test('fails its node, without the data, and is requested again', () => {
    const { reply: said, failure, ...rest } = judged({}, { data: { list } }, 2);
    assert.deepEqual(rest, { streak: 0, again: true });
    assert.deepEqual([said.ok, said.code, said.data], [false, 'bad-data', {}]);
    assert.deepEqual([failure?.node, failure?.code, failure?.reason], ['a', 'bad-data', said.message]);
    assert.match(said.message, /^its reply cannot be used: ./);
  });

  test('keeps the code of the failure if the call failed', () => {
    const { failure, again } = judged({}, { outcome: 'refused', code: 'policy-denied', message: 'no', data: { list } });
    assert.deepEqual([failure?.code, failure?.reason, again], ['policy-denied', 'no', false]);
    assert.equal(replyOf(outcome({ data: { list } })).outcome, 'ok');
  });
});

describe('a reply that has lost its output', () => {
  const earlier = { requestId: '', tries: new Map(), done: false };
  const lost = (given: Given, data = {}) => judged({ earlier, ...given }, { data }).failure?.code;

  test('is requested again if the node was restarted', () => {
    const { failure, ...rest } = judged({ earlier }, { data: {} }, 2);
    assert.deepEqual(failure, {
      ...{ node: 'a', code: 'reply-lost', reason: 'it completed, but its reply is no longer available' },
    });
    assert.deepEqual([rest.streak, rest.again], [0, true]);
  });

  test('exists only for a repeatable change, in a resumed run, if output is expected', () => {
    const other = { plan: { until: undefined } };
    assert.equal(lost(other), 'reply-lost');
    assert.equal(lost({ ...other, earlier: undefined as never }), undefined);
    assert.equal(lost({ ...other, ddl: { repeatable: false } }), undefined);
    assert.equal(lost({ ...other, ddl: { kind: 'read' } }), undefined);
    assert.equal(lost({ ...other, ddl: { output: { required: [] } } }), undefined);
    assert.equal(lost({ ...other, ddl: { output: {} } }), undefined);
    assert.equal(lost(other, { number: 1 }), undefined);
  });
});

test('a node that returns no outcome was silent', () => {
  assert.deepEqual(silence('b'), {
    ...{ node: 'b', outcome: 'no-response', status: 5, code: 'no-response', message: 'no response' },
    ...{ hint: '', data: {}, elapsed: 0 },
  });
});
