// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric, type FabricNode } from '../../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../../support/fleet/playbook.ts';

const four: FabricNode[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, agents: ['thing'] }));
const change = (more = '') => playbookText(`  - {id: go, call: thing.change, on: all, with: {to: x}${more}}`);

describe('the nodes of a run', () => {
  const silent = [{ name: 'c', lastSeen: Date.UTC(2026, 0, 1), by: 'cache' }];

  test('include no silent one: a known node that is silent keeps the run from beginning', async () => {
    const fabric = createFabric(four, { silent });
    const report = await runText(change(), fabric);
    assert.equal(report.state, 'failed');
    assert.deepEqual(
      report.failure?.reasons.map(({ node, code }) => [node, code]),
      [['c', 'silent']],
    );
    assert.match(report.failure?.reasons[0]?.reason ?? '', /last seen 2026-01-01T00:00:00.000Z by this client/);
    assert.equal(fabric.calls.length, 0);
    assert.deepEqual(
      report.steps.map(({ state }) => state),
      ['not-run'],
    );
    // A resumed run keeps the nodes that are recorded: these are not all of them.
    assert.ok(!fabric.journal.some(({ type }) => type === 'nodes-found'));
  });

  test('include no broken one: it keeps the run from beginning', async () => {
    const fabric = createFabric(four, { broken: [{ name: 'd', problem: 'its certificate has expired' }] });
    const report = await runText(change(), fabric);
    assert.deepEqual(report.failure?.reasons, [{ node: 'd', code: 'broken', reason: 'its certificate has expired' }]);
    assert.equal(fabric.calls.length, 0);
  });

  test('may include a missing one if the set or the run allows it', async () => {
    const fabric = createFabric(four, { silent });
    const report = await runText(change(), fabric, {}, { allowMissing: true });
    assert.deepEqual(report.steps[0]?.ok, ['a', 'b', 'd']);
    const text = change().replace('agents: [thing]', 'agents: [thing]\n    allow_missing: true');
    const again = await runText(text, createFabric(four, { silent }));
    assert.equal(again.state, 'done');
  });

  test('end the run with the set’s own message if there are too few', async () => {
    const text = change().replace('agents: [thing]', 'agents: [nobody]\n    when_empty: nobody is there');
    const report = await runText(text, createFabric(four));
    assert.deepEqual(report.failure, {
      step: '',
      reasons: [{ node: '', code: 'empty-set', reason: 'nobody is there' }],
    });
    const five = change().replace('agents: [thing]', 'agents: [thing]\n    at_least: 5');
    const fewer = await runText(five, createFabric(four));
    assert.equal(fewer.failure?.reasons[0]?.code, 'too-few-nodes');
  });

  test('are named with what is near to a filter that none matches', async () => {
    const text = change().replace('agents: [thing]', 'agents: [nobody]\n    when_empty: nobody is there');
    const report = await runText(text, createFabric(four, { hints: ['no known node runs the agent “nobody”'] }));
    assert.equal(report.failure?.reasons[0]?.reason, 'nobody is there; no known node runs the agent “nobody”');
  });

  test('are only those that discovery found, whatever a reply contains', async () => {
    const nodes = [{ name: 'a', agents: ['thing'], actions: { 'thing.look': () => ({ list: ['evil.example'] }) } }];
    const text = playbookText(
      '  - {id: look, call: thing.look, on: all}\n  - {call: thing.look, on: "${{ steps.look.replies[0].data.list }}"}',
    );
    const fabric = createFabric(nodes);
    const report = await runText(text, fabric);
    assert.equal(report.failure?.reasons[0]?.code, 'bad-nodes');
    assert.equal(fabric.calls.length, 1);
  });

  test('fail a step, rather than skip it, if an expression gives none', async () => {
    const text = playbookText('  - {call: thing.look, on: "${{ nodes.all.names.filter(n, n == \\"z\\") }}"}');
    const report = await runText(text, createFabric(four));
    assert.equal(report.failure?.reasons[0]?.code, 'no-nodes');
  });

  test('keep the run from beginning, by name, if their facts cannot be represented in an expression', async () => {
    const facts = { list: Array.from({ length: 10_001 }, () => 1) };
    const report = await runText(change(), createFabric([{ name: 'a', agents: ['thing'], facts }]));
    assert.equal(report.failure?.reasons[0]?.code, 'bad-facts');
    assert.match(report.failure?.reasons[0]?.reason ?? '', /the facts of a cannot be used/);
  });
});
