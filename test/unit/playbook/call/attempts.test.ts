// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';

describe('until', () => {
  const check = (more: string) =>
    playbookText(`  - {id: check, call: thing.look, on: all, until: reply.data.number == 0, ${more}}`);

  test('repeats the call on nodes that do not satisfy it, waits in between, and reports the tries', async () => {
    const left = new Map([
      ['a', 0],
      ['b', 2],
    ]);
    const nodes = ['a', 'b'].map((name) => ({
      name,
      agents: ['thing'],
      actions: {
        'thing.look': () => {
          const number = left.get(name) ?? 0;
          left.set(name, number - 1);
          return { number: Math.max(0, number) };
        },
      },
    }));
    const fabric = createFabric(nodes);
    const report = await runText(check('tries: 10, try_sleep: 10s'), fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ nodes: called }) => called.join()),
      ['a,b', 'b', 'b'],
    );
    assert.deepEqual(fabric.slept, [10_000, 10_000]);
    assert.equal(report.steps[0]?.tries, 3);
  });

  test('fails with the playbook’s message if it is never satisfied', async () => {
    const nodes = [
      { name: 'a', agents: ['thing'], actions: { 'thing.look': () => ({ number: 2, text: 'CRITICAL' }) } },
    ];
    const report = await runText(check('tries: 2, message: "it is ${{ reply.data.text }}"'), createFabric(nodes));
    assert.equal(report.state, 'failed');
    assert.deepEqual(report.failure?.reasons, [{ node: 'a', code: 'until-failed', reason: 'it is CRITICAL' }]);
  });

  test('requires the given number of consecutive passes', async () => {
    const answers = [0, 1, 0, 0];
    const nodes = [
      { name: 'a', agents: ['thing'], actions: { 'thing.look': () => ({ number: answers.shift() ?? 9 }) } },
    ];
    const fabric = createFabric(nodes);
    const report = await runText(check('tries: 6, passes: 2'), fabric);
    assert.equal(report.state, 'done');
    assert.equal(fabric.calls.length, 4);
  });

  test('a reply without the requested value fails only that node', async () => {
    const nodes = [
      { name: 'a', agents: ['thing'], actions: { 'thing.look': () => ({ number: 0 }) } },
      { name: 'b', agents: ['thing'], actions: { 'thing.look': () => ({}) } },
    ];
    const report = await runText(check('tries: 2'), createFabric(nodes));
    assert.deepEqual(report.steps[0]?.ok, ['a']);
    assert.deepEqual(
      report.steps[0]?.failed.map(({ node, code }) => [node, code]),
      [['b', 'until-failed']],
    );
  });

  test('a reply too large for an expression fails that node, not the run', async () => {
    const list = Array.from({ length: 10_001 }, () => 'x');
    const nodes = [
      { name: 'a', agents: ['thing'], actions: { 'thing.look': () => ({ number: 0 }) } },
      { name: 'b', agents: ['thing'], actions: { 'thing.look': () => ({ number: 0, list }) } },
    ];
    const report = await runText(check('tries: 1'), createFabric(nodes));
    assert.deepEqual(report.steps[0]?.ok, ['a']);
    assert.deepEqual(
      report.steps[0]?.failed.map(({ node, code }) => [node, code]),
      [['b', 'bad-data']],
    );
  });
});
