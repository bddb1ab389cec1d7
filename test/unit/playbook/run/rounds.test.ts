// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { load, playbookText, runText } from '../../../support/fleet/playbook.ts';

const nodes: FabricNode[] = ['a', 'b', 'c'].map((name) => ({
  name,
  agents: ['thing'],
  actions: { 'thing.look': () => ({ number: 1 }), 'thing.change': () => ({ number: 1 }) },
}));

const rolling = (batch: string, more = '') => `  - id: roll
    rolling:
      over: all
      batch: ${batch}
${more}      steps:
        - {id: change, call: thing.change, on: "\${{ batch.names }}", with: {to: "x\${{ batch.number }}"}}
        - {id: tell, if: steps.change.ok, say: "\${{ batch.number }} of \${{ batch.count }}"}
`;

describe('a rolling step', () => {
  test('runs its steps for each batch, each under its own name', async () => {
    const fabric = createFabric(nodes);
    const report = await runText(playbookText(rolling('2', '      batch_sleep: 3s\n')), fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ step, nodes: called, input }) => [step, called, input]),
      [
        ['roll[1].change', ['a', 'b'], { to: 'x1' }],
        ['roll[2].change', ['c'], { to: 'x2' }],
      ],
    );
    assert.deepEqual(fabric.slept, [3000]);
    const told = fabric.events.flatMap((event) => (event.type === 'step-finished' ? event.report.lines : []));
    assert.deepEqual(told, ['1 of 2', '2 of 2']);
  });

  test('takes one node at a time unless the playbook says how many', async () => {
    const fabric = createFabric(nodes);
    assert.equal((await runText(playbookText(rolling('1').replace('      batch: 1\n', '')), fabric)).state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ nodes: called }) => called),
      [['a'], ['b'], ['c']],
    );
  });

  test('has each node in one batch, although an expression names it twice', async () => {
    const fabric = createFabric(nodes);
    const twice = rolling('2').replace('over: all', `over: "\${{ nodes.all.names + ['a', 'b'] }}"`);
    assert.equal((await runText(playbookText(twice), fabric)).state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ nodes: called }) => called),
      [['a', 'b'], ['c']],
    );
  });

  test('stops at the batch that fails, runs the failure steps of that batch, and names the rest', async () => {
    const fabric = createFabric(nodes, { troubles: [{ node: 'b', call: 'thing.change', kind: 'no-response' }] });
    const after = '      on_failure:\n        - {id: back, call: thing.look, on: "${{ batch.names }}"}\n';
    const report = await runText(playbookText(rolling('1', after)), fabric);
    assert.equal(report.state, 'failed');
    assert.deepEqual(
      fabric.calls.map(({ step }) => step),
      ['roll[1].change', 'roll[2].change', 'roll[2].back'],
    );
    assert.deepEqual(report.steps[0]?.untouched, ['c']);
    assert.match(report.failure?.reasons[0]?.reason ?? '', /^roll\[2\]\.change: /);
  });
});

describe('for_each', () => {
  test('runs its steps for each item, in order', async () => {
    const fabric = createFabric(nodes);
    const steps = `  - for_each:
      in: [x, y]
      steps:
        - {call: thing.change, on: all, with: {to: "\${{ item }}"}}
`;
    assert.equal((await runText(playbookText(steps), fabric)).state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ input }) => input.to),
      ['x', 'y'],
    );
  });

  test('fails if the list is invalid', async () => {
    const steps = '  - for_each: {in: "${{ nodes.all.size }}", steps: [{say: x}]}';
    const report = await runText(playbookText(steps), createFabric(nodes));
    assert.equal(report.failure?.reasons[0]?.code, 'bad-list');
  });
});

describe('pause', () => {
  test('waits, and only reports that in a dry run', async () => {
    const fabric = createFabric(nodes);
    assert.equal((await runText(playbookText('  - pause: 2m'), fabric)).state, 'done');
    assert.deepEqual(fabric.slept, [120_000]);
    const dry = createFabric(nodes);
    const report = await runText(playbookText('  - pause: 2m'), dry, {}, { dryRun: true });
    assert.deepEqual([dry.slept, report.steps[0]?.lines], [[], ['would wait 2m']]);
  });
});

describe('faults of nested steps that refuse a playbook before anything runs, with line and column', () => {
  const cases: [string, string, string, RegExp][] = [
    ['an unknown set', '  - rolling: {over: al, steps: [{say: x}]}', '6:21', /did you mean “all”/],
    ['a batch of nothing', '  - rolling: {over: all, batch: "0%", steps: [{say: x}]}', '6:33', /above 0 %/],
    ['no steps', '  - rolling: {over: all}', '6:14', /“steps” is missing/],
    ['an unknown key', '  - rolling: {over: all, steps: [{sai: x}]}', '6:35', /did you mean “say”/],
    ['an unknown field of the batch', '  - rolling: {over: all, steps: [{say: "${{ batch.nam }}"}]}', '6:51', /names/],
    ['the end of the run', '  - rolling: {over: all, steps: [{finish: x}]}', '6:43', /not allowed within/],
    [
      'an id that is taken',
      '  - {id: a, say: x}\n  - for_each: {in: [], steps: [{id: a, say: x}]}',
      '7:37',
      /two steps/,
    ],
    ['a batch outside of one', '  - say: ${{ batch.names }}', '6:14', /no “batch” here/],
    ['a wait of days', '  - pause: 99h', '6:12', /up to 24h/],
  ];
  for (const [what, steps, place, words] of cases) {
    test(what, async () => {
      await assert.rejects(load(playbookText(steps)), (error: Error) => {
        assert.equal(/^test\.yaml:(\d+:\d+): /.exec(error.message)?.[1], place, error.message);
        assert.match(error.message, words);
        return true;
      });
    });
  }
});
