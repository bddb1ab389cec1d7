// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { load, playbookText, runText } from '../../../support/fleet/playbook.ts';

const nodes: FabricNode[] = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ name, agents: ['thing'] }));

describe('numbers, shares and times of a step', () => {
  const text = (step: string) =>
    playbookText(
      `  - {id: go, call: thing.look, on: all, ${step}}`,
      'inputs: {x: {required: false}, n: {type: integer, default: 2}}',
    );

  test('come from expressions for batches', async () => {
    const sizes = async (x?: string) => {
      const fabric = createFabric(nodes);
      await runText(text('batch: "${{ inputs.x }}"'), fabric, x === undefined ? {} : { x });
      return fabric.calls.map((call) => call.nodes.length);
    };
    assert.deepEqual(await sizes('1,2,50%'), [1, 2, 2]);
    assert.deepEqual(await sizes('40%'), [2, 2, 1]);
    assert.deepEqual(await sizes(), [5], 'null is as if left out');
  });

  test('come from expressions for tries, their pause, and a limit', async () => {
    const troubles = [{ node: 'a', call: 'thing.look', kind: 'failed' as const }];
    const fabric = createFabric(nodes, { troubles });
    await runText(
      text('tries: "${{ inputs.n + 1 }}", try_sleep: "${{ inputs.x }}", limit: "${{ inputs.n }}"'),
      fabric,
      {
        x: '3s',
      },
    );
    assert.deepEqual(
      fabric.calls.map((call) => call.nodes.join('')),
      ['ab', 'a', 'a'],
    );
    assert.deepEqual(fabric.slept, [3000, 3000]);
  });

  for (const [setting, x] of [
    ['batch', '0'],
    ['batch', '1,x'],
    ['tries', '1.5'],
    ['timeout', '25h'],
    ['max_failures', '101%'],
    ['limit', '-1'],
  ] as const) {
    test(`fail the step before any call with ${setting} of ${x}`, async () => {
      const fabric = createFabric(nodes);
      const report = await runText(text(`${setting}: "\${{ inputs.x }}"`), fabric, { x });
      assert.equal(report.failure?.reasons[0]?.code, 'bad-setting');
      assert.deepEqual(fabric.calls, []);
    });
  }

  test('cannot make an unrepeatable call repeat, whatever an expression gives', async () => {
    const fabric = createFabric(nodes);
    const step = '  - {id: go, call: thing.once, on: all, tries: "${{ inputs.n }}"}';
    const report = await runText(playbookText(step, 'inputs: {n: {type: integer}}'), fabric, { n: 2 });
    assert.equal(report.failure?.reasons[0]?.code, 'bad-setting');
    assert.deepEqual(fabric.calls, []);
  });

  for (const [setting, column] of [
    ['tries: x', 41],
    ['tries: 0', 41],
    ['passes: 101', 42],
    ['batch: "0"', 41],
    ['max_failures: 0%', 48],
    ['batch_sleep: soon', 47],
  ] as const) {
    test(`are refused with their position for ${setting} in the file`, async () => {
      await assert.rejects(load(text(setting)), ({ code, message }: { code: string; message: string }) => {
        assert.equal(code, 'bad-playbook');
        assert.match(message, new RegExp(`^test\\.yaml:6:${column + 7}: `));
        return true;
      });
    });
  }
});

describe('a threshold', () => {
  test('counts silent nodes, of all the nodes of the step, over its batches', async () => {
    const troubles = ['b', 'd'].map((node) => ({ node, call: 'thing.look', kind: 'no-response' as const }));
    const run = async (threshold: string) => {
      const fabric = createFabric(nodes, { troubles });
      const report = await runText(
        playbookText(`  - {id: go, call: thing.look, on: all, batch: 1, max_failures: ${threshold}}`),
        fabric,
      );
      return [report.state, fabric.calls.length];
    };
    assert.deepEqual(await run('20%'), ['failed', 2]);
    assert.deepEqual(await run('40%'), ['failed', 4]);
    assert.deepEqual(await run('41%'), ['done', 5]);
    assert.deepEqual(await run('2'), ['failed', 4]);
    assert.deepEqual(await run('3'), ['done', 5]);
  });
});
