// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Problem } from '../../../../../src/core/errors.ts';
import { createFabric, type FabricNode } from '../../../../support/fleet/fabric.ts';
import { load, playbookText, runText } from '../../../../support/fleet/playbook.ts';
import { testProblem } from '../../../../support/test-problem.ts';

const nodes: FabricNode[] = ['a', 'b', 'c'].map((name) => ({ name, agents: ['thing'] }));
/** `held` is what the first step changes; the second relies on it. */
const text = playbookText(`  - {id: held, call: thing.change, on: "\${{ ['a'] }}", with: {to: held}}
  - {id: work, call: thing.change, on: all, batch: 1, reassert: held, with: {to: done}}`);

const lines = (fabric: ReturnType<typeof createFabric>) =>
  fabric.events.flatMap((event) => (event.type === 'step-finished' ? event.report.lines : []));

describe('a step that relies on a change', () => {
  test('repeats it before each batch, but not straight after it', async () => {
    const fabric = createFabric(nodes);
    const report = await runText(text, fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ step, nodes: called, input }) => [step, called.join(), input.to]),
      [
        ['held', 'a', 'held'],
        ['work', 'a', 'done'],
        ['work.held', 'a', 'held'],
        ['work', 'b', 'done'],
        ['work.held', 'a', 'held'],
        ['work', 'c', 'done'],
      ],
    );
    const ids = fabric.calls.filter(({ step }) => step === 'work.held').map(({ requestId }) => requestId);
    assert.equal(new Set(ids).size, 2, 'each is a separate call: a node does not answer it from memory');
    assert.deepEqual(lines(fabric), []);
  });

  test('relies in a rolling step on what its own round changed', async () => {
    const fabric = createFabric(nodes);
    const steps = `  - id: roll
    rolling:
      over: all
      steps:
        - {id: held, call: thing.change, on: "\${{ batch.names }}", with: {to: held}}
        - {id: between, call: thing.look, on: all}
        - {id: work, call: thing.change, on: "\${{ batch.names }}", reassert: [held], with: {to: done}}`;
    assert.equal((await runText(playbookText(steps), fabric)).state, 'done');
    const again = fabric.calls.filter(({ step }) => step.endsWith('work.held'));
    assert.deepEqual(
      again.map(({ step, nodes: called }) => [step, called.join()]),
      [
        ['roll[1].work.held', 'a'],
        ['roll[2].work.held', 'b'],
        ['roll[3].work.held', 'c'],
      ],
    );
  });

  test('repeats it only on nodes that made it, not on those that failed', async () => {
    const held = '{id: held, call: thing.change, on: all, with: {to: held}, max_failures: 100%}';
    const work = '  - {id: work, call: thing.look, on: all, batch: 2, reassert: held}';
    for (const [broken, repeated] of [
      [['b'], ['a,c']],
      [['a', 'b', 'c'], []],
    ] as const) {
      const troubles = broken.map((node) => ({ node, call: 'thing.change', kind: 'failed' as const }));
      const fabric = createFabric(nodes, { troubles });
      await runText(playbookText(`  - ${held}\n${work}`), fabric);
      const again = fabric.calls.filter(({ step }) => step === 'work.held').map(({ nodes: called }) => called.join());
      assert.deepEqual(again, repeated, broken.join());
    }
  });

  test('shows each repetition as a single batch', async () => {
    const fabric = createFabric(nodes);
    await runText(text, fabric);
    const shown = fabric.events.flatMap((event) =>
      event.type === 'try-started' && event.step === 'work.held' ? [[event.batch, event.batches]] : [],
    );
    assert.deepEqual(shown, [
      [1, 1],
      [1, 1],
    ]);
  });

  test('asserts nothing in a dry run', async () => {
    const fabric = createFabric(nodes);
    await runText(text, fabric, {}, { dryRun: true });
    const calls = fabric.calls.filter(({ agent }) => agent === 'thing');
    assert.ok(calls.length > 0 && calls.every(({ dryRun, step }) => dryRun && step !== 'work.held'));
  });

  for (const [what, steps, expected] of [
    ['an unknown step', text.replace('reassert: held', 'reassert: hold'), /no step “hold” .* did you mean “held”\?/],
    [
      'one that only reads',
      text.replace('thing.change, on: "${{ [', 'thing.look, on: "${{ ['),
      /has no input|is not a call/,
    ],
    [
      'one that must not be repeated',
      text.replace(/thing.change(.*), with: {to: held}/, 'thing.once$1'),
      /is not a call/,
    ],
    ['one that only asks', text.replace('{to: held}}', '{to: held}, dry_run: true}'), /is not a call/],
  ] as const) {
    test(`is refused before the run for ${what}`, async () => {
      await assert.rejects(load(steps), (problem: Problem) => {
        assert.equal(problem.code, 'bad-playbook');
        assert.match(problem.message, expected);
        return true;
      });
    });
  }
});

describe('a step that relies on a change that no longer holds', () => {
  test('reports what no longer held', async () => {
    let times = 0;
    const change = () => (times++ === 1 ? { list: [], text: 'x', changed: ['dev2', 'dev4'] } : { changed: [] });
    const [a, ...others] = nodes;
    const fabric = createFabric([{ ...(a as FabricNode), actions: { 'thing.change': change } }, ...others]);
    // Its own second call on the first node is the assertion.
    const again = text.replace('on: all', `on: "\${{ ['b', 'c'] }}"`);
    assert.equal((await runText(again, fabric)).state, 'done');
    assert.deepEqual(lines(fabric), ['thing#change no longer held on a and was done again: dev2, dev4']);
  });

  test('fails before its batch if the change cannot be ensured, whatever failures it allows', async () => {
    let times = 0;
    const change = () => {
      if (times++ > 0) throw testProblem('refused-now', 'it is locked');
      return {};
    };
    const [a, ...others] = nodes;
    const fabric = createFabric([{ ...(a as FabricNode), actions: { 'thing.change': change } }, ...others]);
    const again = text.replace('on: all', `on: "\${{ ['b', 'c'] }}", max_failures: 100%`);
    const report = await runText(again, fabric);
    assert.equal(report.state, 'failed');
    const work = report.steps.find(({ id }) => id === 'work');
    assert.deepEqual([work?.ok, work?.untouched], [['b'], ['c']]);
    assert.deepEqual(work?.failed, [
      {
        node: 'a',
        code: 'refused-now',
        reason: 'whether thing#change still holds could not be checked: it is locked',
      },
    ]);
  });
});
