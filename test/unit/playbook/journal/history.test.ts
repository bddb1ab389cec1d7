import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';
import { type CallKey, readHistory, resumeFrom } from '../../../../src/playbook/journal/history.ts';

let time = 0;
const entry = (type: JournalEntry['type'], fields: object) =>
  ({ type, runId: 'run1', at: ++time, ...fields }) as unknown as JournalEntry;
const key: CallKey = { agent: 'thing', action: 'change', dryRun: false, input: { to: 'x', count: 1 } };
const call = (fields: object = {}) =>
  entry('call', { ...key, step: 'go', requestId: 'id1', try: 1, nodes: ['a'], changes: true, ...fields });
const outcome = (fields: object = {}) =>
  entry('outcome', {
    ...{ step: 'go', requestId: 'id1', try: 1, node: 'a', outcome: 'ok', status: 0, code: '', message: 'done' },
    ...{ data: { number: 1 }, ...fields },
  });
const triesOf = (entries: readonly JournalEntry[], node = 'a', step = 'go') =>
  readHistory(entries).callOf(step, key)?.tries.get(node);

describe('the history of a run', () => {
  test('has the start that the first attempt saw', () => {
    const started = ['t1', 't2'].map((at) => entry('run-started', { time: at }));
    assert.deepEqual([readHistory(started).time, readHistory([call()]).time], ['t1', undefined]);
  });

  test('has the nodes of each playbook as they were first found', () => {
    const found = (sets: object, prefix?: string) =>
      entry('nodes-found', { sets, ...(prefix === undefined ? {} : { prefix }) });
    const { setsOf } = readHistory([
      entry('run-resumed', {}),
      found({ all: ['a'] }),
      found({ all: ['b'] }, 'use.'),
      found({ all: [] }),
    ]);
    assert.deepEqual(['', 'use.', 'other.'].map(setsOf), [{ all: ['a'] }, { all: ['b'] }, undefined]);
  });

  test('has a step as done if it ended well the last time', () => {
    const finished = (step: string, state: string) => entry('step-finished', { step, state });
    const { isDone } = readHistory([
      ...[finished('well', 'failed'), finished('well', 'done'), finished('badly', 'done'), finished('badly', 'failed')],
      ...[finished('cut', 'interrupted'), entry('step-started', { step: 'begun' })],
      entry('step-started', { step: 'well' }),
    ]);
    assert.deepEqual(['well', 'badly', 'cut', 'begun', 'unknown'].map(isDone), [true, false, false, false, false]);
  });

  test('has the steps that were begun', () => {
    const { hasBegun } = readHistory([
      entry('step-started', { step: 'first' }),
      entry('step-started', { step: 'roll[1].out' }),
      entry('step-finished', { step: 'other', state: 'skipped' }),
    ]);
    assert.deepEqual(['roll[1].', 'roll[2].', 'other', 'out'].map(hasBegun), [true, false, false, false]);
  });

  test('counts as changed once something was changed again', () => {
    const { history, hasChanged, noteChange } = resumeFrom(readHistory([]));
    assert.deepEqual([hasChanged(), history.time], [false, undefined]);
    noteChange();
    assert.equal(hasChanged(), true);
  });
});

describe('the earlier call of a step', () => {
  test('has this action and this input, in whatever order it is written', () => {
    const { callOf } = readHistory([call()]);
    assert.equal(callOf('go', { ...key, input: { count: 1, to: 'x' } })?.requestId, 'id1');
    for (const other of [
      { ...key, agent: 'other' },
      { ...key, action: 'look' },
      { ...key, dryRun: true },
      { ...key, input: { to: 'x' } },
      { ...key, input: { to: 'x', count: 2 } },
    ])
      assert.equal(callOf('go', other), undefined, JSON.stringify(other));
    assert.equal(callOf('gone', key), undefined);
  });

  test('is the last request, with the tries of that one only', () => {
    const entries = [call({ nodes: ['a', 'b'] }), outcome(), call({ requestId: 'id2', nodes: ['b'] })];
    const found = readHistory(entries).callOf('go', key);
    assert.equal(found?.requestId, 'id2');
    assert.deepEqual([...(found?.tries.keys() ?? [])], ['b']);
  });

  test('is none that asked for rights or that was made after a failure', () => {
    assert.equal(readHistory([call({ undoes: '' })]).callOf('go', key), undefined);
    assert.equal(readHistory([call({ step: '' })]).callOf('', key), undefined);
  });

  test('has the outcome of each try on each node, in their order; undefined if it is not known', () => {
    const entries = [
      ...[call({ nodes: ['a', 'b'] }), outcome({ node: 'b', outcome: 'failed', code: 'broken', status: 2 })],
      ...[outcome({ requestId: 'id9', message: 'of another call' }), call({ try: 2, nodes: ['b'] })],
      outcome({ node: 'b', try: 2 }),
    ];
    const outcomes = (node: string) => triesOf(entries, node)?.map((one) => [one.number, one.outcome?.outcome]);
    assert.deepEqual(outcomes('a'), [[1, undefined]]);
    assert.deepEqual(outcomes('b'), [
      [1, 'failed'],
      [2, 'ok'],
    ]);
    const [first] = triesOf(entries, 'b') ?? [];
    assert.deepEqual(first?.outcome, {
      ...{ node: 'b', outcome: 'failed', status: 2, code: 'broken', message: 'done', hint: '' },
      ...{ data: { number: 1 }, elapsed: 0 },
    });
    assert.equal(first?.at, entries[0]?.at);
  });

  test('has a try that was requested twice once, at its first time: the node remembers it from then on', () => {
    const entries = [call(), call({ try: 2 }), call({ try: 1 })];
    assert.deepEqual(
      triesOf(entries)?.map(({ number, at }) => [number, at]),
      [
        [2, entries[1]?.at],
        [1, entries[0]?.at],
      ],
    );
  });
});

describe('a change that was undone', () => {
  const undoing = (fields: object = {}) =>
    call({ step: 'mend', requestId: 'id5', undoes: '', input: { to: 'old' }, ...fields });
  const isUndone = (entries: readonly JournalEntry[], step = 'go') => triesOf(entries, 'a', step)?.[0]?.undone;

  test('is one before a change of that node by that agent, in a step for after a failure', () => {
    assert.equal(isUndone([call(), undoing()]), true);
    assert.equal(isUndone([undoing(), call()]), false, 'it was made since');
    for (const other of [{ nodes: ['b'] }, { agent: 'other' }, { changes: false }, { undoes: undefined }])
      assert.equal(isUndone([call(), undoing(other)]), false, JSON.stringify(other));
    assert.equal(isUndone([call(), undoing({ nodes: ['b', 'a'] })]), true);
  });

  test('is one of the scope that failed', () => {
    const made = (step: string) => [call({ step }), undoing({ undoes: 'roll[1].' })];
    assert.equal(isUndone(made('roll[1].go'), 'roll[1].go'), true);
    assert.equal(isUndone(made('roll[2].go'), 'roll[2].go'), false);
    assert.equal(isUndone(made('go')), false);
  });
});
