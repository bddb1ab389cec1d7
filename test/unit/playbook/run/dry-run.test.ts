import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';

const four: FabricNode[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, agents: ['thing'] }));

describe('a dry run', () => {
  const text = playbookText(`  - {id: before, call: thing.look, on: all}
  - {id: go, call: thing.change, on: all, with: {to: x}, batch: 2}
  - {id: blind, call: thing.blind, on: all}
  - {id: check, call: thing.look, on: all, tries: 5, try_sleep: 10, until: "reply.data.number == 0"}
  - {id: sure, require: "1 == 2", message: not there}
  - {id: tell, say: it is done}`);
  const nodes = four.map((node) => ({
    ...node,
    actions: { 'thing.look': () => ({ number: 1 }), 'thing.change': () => ({ text: 'would' }) },
  }));

  test('sends what has a dry run, omits what has none, waits for nothing and prints what it would do', async () => {
    const fabric = createFabric(nodes);
    const report = await runText(text, fabric, {}, { dryRun: true });
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ step, dryRun }) => [step, dryRun]),
      [
        ['', false],
        ['before', false],
        ['go', true],
        ['go', true],
        ['check', false],
      ],
    );
    assert.deepEqual(fabric.slept, []);
    const lines = report.steps.map(({ lines: said }) => said);
    assert.deepEqual(lines[2], ['thing#blind cannot show what it would do, and was not called']);
    assert.match(lines[3]?.[0] ?? '', /^not yet true on a: /);
    assert.deepEqual(lines[4], ['not met yet: not there']);
    assert.deepEqual(lines[5], ['would say: it is done']);
  });

  test('fails if a node could not do it', async () => {
    const fabric = createFabric(nodes, { troubles: [{ node: 'd', call: 'thing.change', kind: 'refused' }] });
    const report = await runText(text, fabric, {}, { dryRun: true });
    assert.equal(report.state, 'failed');
    assert.deepEqual(
      report.failure?.reasons.map(({ node }) => node),
      ['d'],
    );
  });

  test('changes nothing as a single step of a real run', async () => {
    const fabric = createFabric(nodes);
    const report = await runText(
      playbookText('  - {call: thing.change, on: all, with: {to: x}, dry_run: true}\n  - {finish: no need}'),
      fabric,
    );
    assert.equal(fabric.calls[0]?.dryRun, true);
    assert.equal(report.state, 'nothing-to-do');
  });
});
