import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatInputs, recordRun } from '../../../../src/client/runs/record.ts';
import { markProcess } from '../../../../src/core/files/process-mark.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';

const started = {
  type: 'run-started',
  playbook: 'upgrade',
  operator: 'rip',
  inputs: { cluster: 'bravo' },
  dryRun: false,
};
const call = {
  type: 'call',
  requestId: 'r1',
  agent: 'appmgr',
  action: 'upgrade',
  dryRun: false,
  changes: true,
  try: 1,
  nodes: ['b', 'a'],
};
const outcome = {
  type: 'outcome',
  requestId: 'r1',
  try: 2,
  outcome: 'ok',
  code: '',
  message: '',
  data: { revision: '20' },
};

/** Entries of a run, each a second after the one before. */
const journal = (...entries: readonly object[]) =>
  entries.map((entry, index) => ({ runId: 'a'.repeat(32), at: 1000 * index, ...entry }) as unknown as JournalEntry);
const stateOf = async (entries: readonly object[], isHeld?: boolean) =>
  (await recordRun(journal(started, ...entries), isHeld))?.state;

describe('the record of a run', () => {
  test('is none without its start, and has the times of its first and last entry', async () => {
    assert.equal(await recordRun(journal(outcome)), undefined);
    const record = await recordRun(journal(started, { type: 'run-finished', state: 'done' }));
    const { type: _, ...fields } = started;
    assert.deepEqual(record, { ...fields, run: 'a'.repeat(32), began: 0, last: 1000, state: 'done', steps: [] });
  });

  test('ended as its last end says, unless it was resumed after that', async () => {
    const [failed, resumed] = [{ type: 'run-finished', state: 'failed' }, { type: 'run-resumed' }];
    assert.equal(await stateOf([failed]), 'failed');
    assert.equal(await stateOf([failed, resumed]), 'cut-off');
    assert.equal(await stateOf([failed, resumed, { type: 'run-finished', state: 'done' }]), 'done');
  });

  test('still runs if nodes keep its lease or its process lives; else it was cut off', async () => {
    assert.deepEqual(
      [await stateOf([], true), await stateOf([], false), await stateOf([])],
      ['running', 'cut-off', 'cut-off'],
    );
    const own = { type: 'process', ...(await markProcess()) };
    assert.equal(await stateOf([own]), 'running');
    assert.equal(await stateOf([own], false), 'cut-off', 'what nodes say counts more');
    const ended = { ...own, start: '1' };
    assert.equal(await stateOf([ended], true), 'cut-off', 'its lease is left from before it was killed');
    const elsewhere = { ...own, host: 'another.example.net' };
    assert.equal(await stateOf([elsewhere]), 'running', 'nobody here knows that it has ended');
  });

  test('has the latest that is known of each node in each step', async () => {
    const record = await recordRun(
      journal(
        started,
        { type: 'step-started', step: 'deploy' },
        { ...call, step: 'deploy' },
        { ...outcome, step: 'deploy', node: 'a' },
        { ...outcome, step: 'deploy', node: 'x', requestId: 'of no call' },
        { type: 'step-finished', step: 'deploy', state: 'failed' },
        { type: 'step-started', step: 'notify' },
        { ...call, requestId: 'r2', step: '', nodes: ['c'] },
        { ...call, requestId: 'r3', step: 'again', nodes: ['d'] },
      ),
    );
    const about = { agent: 'appmgr', action: 'upgrade', dryRun: false, changes: true, code: '', message: '' };
    assert.deepEqual(record?.steps, [
      {
        step: 'deploy',
        state: 'failed',
        calls: [
          { ...about, node: 'a', try: 2, outcome: 'ok', data: { revision: '20' } },
          { ...about, node: 'b', try: 1, outcome: 'unknown', data: {} },
        ],
      },
      { step: 'notify', state: 'begun', calls: [] },
      { step: 'again', state: '', calls: [{ ...about, node: 'd', try: 1, outcome: 'unknown', data: {} }] },
    ]);
  });

  test('shows its inputs as they are typed, without those that are null', () => {
    assert.equal(
      formatInputs({ cluster: 'bravo', revision: null, batch: 2, checks: ['a'] }),
      'cluster=bravo batch=2 checks=["a"]',
    );
  });
});
