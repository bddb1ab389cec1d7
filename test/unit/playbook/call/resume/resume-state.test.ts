import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from '../../../../../src/core/request/reply.ts';
import { findEarlierCall, isSettled, resumeState } from '../../../../../src/playbook/call/resume.ts';
import type { StepCall } from '../../../../../src/playbook/call/step-call.ts';
import type { EarlierTry } from '../../../../../src/playbook/journal/history.ts';

const minute = 60_000;
const outcome = (changes: Partial<Outcome> = {}): Outcome => ({
  ...{ node: 'b', outcome: 'ok', status: 0, code: '', message: '', hint: '', data: {}, elapsed: 0 },
  ...changes,
});
const made = (number: number, changes: Partial<EarlierTry> = {}): EarlierTry => ({
  ...{ number, at: 0, outcome: undefined, undone: false },
  ...changes,
});

/** A call of a resumed run, with the earlier tries on b; nothing is known of a. */
function resumed(tries: readonly EarlierTry[], { repeatable = false, now = 0, done = false } = {}): StepCall {
  return {
    plan: { ddl: { kind: 'change', repeatable, output: {} }, title: 'thing#once', until: undefined, passes: 1 },
    earlier: { requestId: 'id', tries: new Map([['b', tries]]), done },
    hypothetical: false,
    run: { ports: { now: () => now } },
  } as unknown as StepCall;
}

const failed = outcome({ outcome: 'failed', code: 'broken', message: 'b is broken' });
const refused = outcome({ outcome: 'refused', code: 'busy', message: 'b is busy' });

describe('a call whose outcome is not known when its run resumes', () => {
  test('is asked for under the same try for less than 25 minutes, and not from then on', () => {
    const stateAt = (now: number) => resumeState(resumed([made(3)], { now }), ['b']);
    const soon = stateAt(25 * minute - 1);
    assert.deepEqual([[...soon.next], [...soon.judgements]], [[['b', 3]], []]);
    const late = stateAt(25 * minute);
    assert.deepEqual([...late.next], []);
    const message =
      'whether it completed is not known: it was called at 1970-01-01T00:00:00.000Z, and thing#once must not be repeated';
    assert.deepEqual(late.judgements.get('b'), {
      reply: { node: 'b', ok: false, outcome: 'no-response', code: 'not-known', message, data: {} },
      failure: { node: 'b', code: 'not-known', reason: message },
      ...{ streak: 0, again: false },
    });
  });

  test('does not count as a try of its step if it may be repeated, as only its result is asked for', () => {
    const asks = (tries: readonly EarlierTry[], repeatable: boolean) =>
      resumeState(resumed(tries, { repeatable }), ['a', 'b']).asks;
    assert.equal(asks([made(1)], true), true);
    assert.equal(asks([made(1)], false), false, 'it is made at most once');
    assert.equal(asks([made(1, { outcome: failed })], true), false, 'the next try is a try');
    assert.equal(asks([made(1, { outcome: outcome() })], true), false, 'it is done');
    assert.equal(asks([made(1), made(2, { outcome: failed })], true), false, 'only the last one counts');
  });
});

describe('the next try of a node when a run resumes', () => {
  const next = (tries: readonly EarlierTry[], more: { repeatable?: boolean; done?: boolean } = {}) =>
    resumeState(resumed(tries, more), ['a', 'b']).next.get('b');

  test('is the first one if it was never called', () => {
    assert.deepEqual(
      [...resumeState(resumed([]), ['a', 'b']).next.entries()],
      [
        ['a', 1],
        ['b', 1],
      ],
    );
  });

  test('is the one after the last if that was undone, refused, or may be repeated', () => {
    assert.equal(next([made(1), made(4, { outcome: outcome(), undone: true })]), 5);
    assert.equal(next([made(2, { outcome: refused })]), 3);
    assert.equal(next([made(2, { outcome: failed })], { repeatable: true }), 3);
  });

  test('is the same one if it was refused for another sensitive input: it has begun, and how it ended was not reported', () => {
    const reused = [made(2, { outcome: outcome({ outcome: 'refused', code: 'id-reused' }) })];
    assert.equal(next(reused), 2);
    assert.equal(next(reused, { repeatable: true }), 3);
    const late = resumeState(resumed(reused, { now: 25 * minute }), ['b']);
    assert.deepEqual([[...late.next], late.judgements.get('b')?.failure?.code], [[], 'not-known']);
  });

  test('is none if it is done, if its step was, or if it must not be repeated', () => {
    for (const [tries, more] of [
      [[made(1, { outcome: outcome() })], {}],
      [[made(1, { outcome: failed })], { done: true, repeatable: true }],
      [[made(1, { outcome: refused })], { done: true }],
      [[made(1, { outcome: failed })], {}],
    ] as const) {
      assert.equal(next(tries, more), undefined);
      assert.equal(isSettled(resumed(tries, more), ['b']), true);
    }
    assert.equal(isSettled(resumed([made(1, { outcome: outcome() })]), ['a', 'b']), false, 'a was never called');
  });

  test('has the judgement of the earlier ones beside it', () => {
    const state = resumeState(resumed([made(1), made(2, { outcome: refused })]), ['a', 'b']);
    assert.deepEqual([...state.judgements.keys()], ['b']);
    assert.equal(state.judgements.get('b')?.failure?.code, 'busy');
  });
});

describe('the earlier call of a step', () => {
  const earlier = {
    requestId: 'id',
    tries: new Map([
      ['a', [made(1, { outcome: outcome({ data: {} }) })]],
      ['b', [made(1, { outcome: outcome({ data: { word: 'x' } }) })]],
    ]),
  };
  const key = { agent: 'thing', action: 'change', dryRun: false, input: {} };
  interface Given {
    readonly undoes?: string | undefined;
    readonly resumed?: boolean;
    readonly known?: boolean;
    readonly done?: boolean;
    readonly changed?: boolean;
    readonly dryRun?: boolean;
    readonly kind?: string;
  }
  const find = (
    {
      undoes,
      resumed: isResumed = true,
      known = true,
      done = true,
      changed = false,
      dryRun = false,
      kind = 'change',
    }: Given,
    sensitive: readonly string[] = [],
  ) => {
    const history = { isDone: () => done, isOutdated: () => false, callOf: () => (known ? earlier : undefined) };
    const run = { undoes, resumed: isResumed ? { history, hasChanged: () => changed } : undefined };
    const properties = Object.fromEntries(
      ['word', 'other'].map((name) => [name, { 'x-sensitive': sensitive.includes(name) }]),
    );
    const ddl = { kind, output: { properties } };
    return findEarlierCall(run as never, 'go', { ...key, dryRun }, ddl as never);
  };
  const usual: Given = { undoes: undefined };

  test('counts for a change, with whether its step was done', () => {
    assert.deepEqual(find(usual), { ...earlier, done: true });
    assert.deepEqual(find({ ...usual, done: false, changed: true }), { ...earlier, done: false });
  });

  test('does not count without a resume, without a call, or in a step for after a failure', () => {
    for (const none of [{ resumed: false }, { known: false }, { undoes: '' }]) {
      assert.equal(find({ ...usual, ...none }), undefined, JSON.stringify(none));
    }
  });

  test('counts for a read only if its step was done, and nothing was changed again since', () => {
    for (const read of [{ kind: 'read' }, { dryRun: true }]) {
      assert.deepEqual(find({ ...usual, ...read }), { ...earlier, done: true });
      assert.equal(find({ ...usual, ...read, done: false }), undefined);
      assert.equal(find({ ...usual, ...read, changed: true }), undefined);
    }
  });

  test('does not count for a read if the reply of one of its nodes was not recorded as a whole', () => {
    assert.equal(find({ ...usual, kind: 'read' }, ['word']), undefined);
    assert.deepEqual(find({ ...usual, kind: 'read' }, ['other']), { ...earlier, done: true });
    assert.deepEqual(find(usual, ['word']), { ...earlier, done: true }, 'a change is asked for again instead');
  });
});
