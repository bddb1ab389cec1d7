import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawCow } from '../../../../src/playbook/events/cow.ts';
import type { RunEvent, StepReport } from '../../../../src/playbook/events/events.ts';
import { formatEvent } from '../../../../src/playbook/events/format.ts';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';

const four: FabricNode[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, agents: ['thing'] }));
const twoSteps = playbookText(
  '  - {id: go, call: thing.change, on: all, with: {to: x}, batch: 2, tries: 2}\n  - {id: next, say: done}',
);

describe('the short lines of a run', () => {
  const short = (fabric: { readonly events: readonly RunEvent[] }) =>
    fabric.events.flatMap((event) => formatEvent(event, 'short'));

  test('name steps by their titles, omit internal ones, and end a failure with the next command', async () => {
    const steps = [
      '  - {id: look, internal: true, call: thing.look, on: all}',
      '  - {id: go, name: Change it, call: thing.change, on: all, with: {to: x}, batch: 2}',
    ].join('\n');
    const good = createFabric(four);
    await runText(playbookText(steps), good);
    assert.deepEqual(short(good), [
      '[test] Change it: thing#change executed successfully on 4 nodes after 1 try',
      'Finished test in 0.01 seconds',
    ]);
    const bad = createFabric(four, { troubles: [{ node: 'b', call: 'thing.change', kind: 'failed' }] });
    const { runId } = await runText(playbookText(steps), bad);
    assert.deepEqual(short(bad).slice(-6), [
      'Failed in go: test in 0.01 seconds',
      '  failed: Change it (thing#change)',
      '  on b: b is broken (broken)',
      '  out of traffic: none',
      '  untouched: c, d',
      `to continue: mco-deploy resume ${runId}`,
    ]);
  });

  test('offer no resume for a run that has changed nothing, but repeat the command that was typed', async () => {
    const fabric = createFabric(four, { troubles: [{ node: 'b', call: 'thing.look', kind: 'failed' }] });
    const steps = '  - {id: look, call: thing.look, on: all}\n  - {id: go, call: thing.blind, on: all}';
    await runText(playbookText(steps), fabric, {}, { command: 'mco-deploy run test.yaml' });
    assert.deepEqual(short(fabric).slice(-2), ['  nothing was changed', 'to try again: mco-deploy run test.yaml']);
  });
});

describe('the lines of a run', () => {
  test('show how many nodes did it after how many tries, and how long it all took', async () => {
    const fabric = createFabric(four);
    await runText(twoSteps, fabric);
    assert.deepEqual(
      fabric.events.flatMap((event) => formatEvent(event)),
      [
        '[test] go: thing#change executed successfully on 4 nodes after 1 try',
        '[test] next: done',
        'Finished test in 0.00 seconds',
      ],
    );
  });

  test('name each node that failed with its reason, those never called, and the steps never started', async () => {
    const fabric = createFabric(four, { troubles: [{ node: 'b', call: 'thing.change', kind: 'no-response' }] });
    await runText(twoSteps, fabric);
    assert.deepEqual(
      fabric.events.flatMap((event) => formatEvent(event)),
      [
        '[test] go: thing#change failed on 1 of 4 nodes after 2 tries',
        '  b: no reply within 10 s (no-response)',
        '  never called: c, d',
        'Failed in go: test in 0.00 seconds',
        '  failed: go',
        '  never started: next',
        '  failed: go (thing#change)',
        '  on b: no reply within 10 s (no-response)',
        '  out of traffic: none',
        '  untouched: c, d',
        `to continue: mco-deploy resume ${'1'.padStart(32, '0')}`,
      ],
    );
  });

  test('report a run that could not begin', async () => {
    const fabric = createFabric(four, { silent: [{ name: 'c', by: 'the cache' }] });
    await runText(twoSteps, fabric);
    assert.deepEqual(fabric.events.flatMap((event) => formatEvent(event)).slice(-5), [
      'Failed: test in 0.00 seconds',
      '  never started: go, next',
      '  on c: it is silent, never seen (silent)',
      '  nothing was changed',
      'to try again: type the same command',
    ]);
  });

  test('never contain control characters that a node sent', () => {
    const nothing = { ok: [], untouched: [], tries: 1, elapsed: 0, lines: [], dryRun: false, afterFailure: false };
    const reason = `\u001b]0;title\u0007\u009b31mred\r\nfake line${'x'.repeat(9000)}`;
    const report: StepReport = {
      id: 's',
      name: 's',
      internal: false,
      title: 'a#b',
      kind: 'call',
      state: 'failed',
      ...nothing,
      failed: [{ node: 'n', code: 'c', reason }],
    };
    const lines = formatEvent({ type: 'step-finished', label: 'l', report });
    assert.ok(lines.every((line) => !/[\u0000-\u001f\u007f-\u009f]/.test(line) && line.length < 600));
    assert.equal(lines.length, 2);
  });
});

describe('the cow', () => {
  test('prints one line between angle brackets', () => {
    assert.deepEqual(drawCow('moo').slice(0, 3), [' _____', '< moo >', ' -----']);
  });

  test('breaks long text at spaces and frames each line', () => {
    const lines = drawCow(`${'word '.repeat(40)}end`);
    const bubble = lines.slice(1, -5);
    assert.ok(bubble.length >= 3);
    assert.ok(bubble.every((line) => line.length === bubble[0]?.length));
    assert.ok(bubble[0]?.startsWith('/ ') && bubble[1]?.startsWith('| ') && bubble.at(-1)?.endsWith(' /'));
  });
});
