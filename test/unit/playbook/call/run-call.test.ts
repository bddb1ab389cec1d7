// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';

const four: FabricNode[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, agents: ['thing'] }));
const goes = '  - {id: go, call: thing.change, on: all, with: {to: x}}';
const change = (more = '') => playbookText(goes.replace(/}$/, `${more}}`));

describe('a call', () => {
  test('reaches every node once, under one request id', async () => {
    const fabric = createFabric(four);
    const report = await runText(change(', batch: 2, tries: 3'), fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ nodes, try: number }) => [nodes, number]),
      [
        [['a', 'b'], 1],
        [['c', 'd'], 1],
      ],
    );
    assert.equal(new Set(fabric.calls.map(({ requestId }) => requestId)).size, 1);
    assert.deepEqual(report.steps[0]?.ok, ['a', 'b', 'c', 'd']);
    assert.equal(report.steps[0]?.tries, 1);
  });

  test('counts a node without an outcome as silent', async () => {
    const fabric = createFabric(four);
    const ports = { ...fabric.ports, call: async () => [] };
    const report = await runText(change(), { ...fabric, ports });
    assert.deepEqual(
      report.steps[0]?.failed.map(({ node, code }) => [node, code]),
      four.map(({ name }) => [name, 'no-response']),
    );
  });

  test('ignores an outcome of a node that was not called', async () => {
    const fabric = createFabric(four);
    const stray = {
      outcome: 'ok',
      status: 0,
      code: '',
      message: '',
      hint: '',
      data: {},
      node: 'z',
      elapsed: 1,
    } as const;
    const ports = { ...fabric.ports, call: async () => [stray] };
    const report = await runText(change(), { ...fabric, ports });
    assert.equal(report.state, 'failed');
    assert.deepEqual(report.steps[0]?.ok, []);
    assert.ok(!fabric.journal.some((entry) => 'node' in entry && entry.node === 'z'));
  });

  test('counts an outcome once, whether it comes during the call or at its end', async () => {
    const fabric = createFabric(four);
    const late = { ...fabric.ports, call: (...given: Parameters<typeof fabric.ports.call>) => silently(...given) };
    const silently: typeof fabric.ports.call = (call, _onOutcome, kill) => fabric.ports.call(call, () => {}, kill);
    for (const ports of [fabric.ports, late]) {
      for (const list of [fabric.journal, fabric.events]) list.length = 0;
      const report = await runText(change(), { ...fabric, ports });
      assert.deepEqual(report.steps[0]?.ok, ['a', 'b', 'c', 'd']);
      for (const entries of [fabric.journal, fabric.events])
        assert.deepEqual(
          entries.flatMap((entry) => (entry.type === 'outcome' ? [entry.node] : [])),
          ['a', 'b', 'c', 'd'],
        );
    }
  });

  test('has the timeout of its step, or else that of the action', async () => {
    const timeouts = async (more: string) => {
      const fabric = createFabric(four);
      await runText(change(more), fabric);
      return fabric.calls.map((call) => ('timeout' in call ? call.timeout : 'of the action'));
    };
    assert.deepEqual([await timeouts(', timeout: 7'), await timeouts('')], [[7000], ['of the action']]);
  });

  test('keeps no message after a reply with a sensitive output: it may repeat the output', async () => {
    for (const data of [{ secret: 's3cret' }, { secret: 's3cret', pin: '0007' }, { number: 1 }]) {
      const nodes = four.map((node) => ({ ...node, actions: { 'thing.look': () => data } }));
      const troubles = [{ node: 'b', call: 'thing.change', kind: 'failed' }] as const;
      const fabric = createFabric(nodes, { troubles });
      await runText(playbookText(`  - {id: look, call: thing.look, on: all}\n${goes}`), fabric);
      const kept = fabric.journal.find(
        (entry) => entry.type === 'outcome' && entry.step === 'go' && entry.node === 'b',
      );
      assert.equal((kept as { message: string }).message, 'number' in data ? 'b is broken' : '(hidden)');
    }
  });

  test('omits an input that is null, and refuses one that the DDL refuses', async () => {
    const fabric = createFabric(four);
    const text = `inputs: {to: {}, count: {type: integer, required: false}}\n${playbookText(
      '  - {call: thing.change, on: all, with: {to: "${{ inputs.to }}", count: "${{ inputs.count }}"}}',
    )}`;
    await runText(text, fabric, { to: 'x1' });
    assert.deepEqual(fabric.calls[0]?.input, { to: 'x1' });
    await runText(text, fabric, { to: 'x1', count: '3' });
    assert.deepEqual(fabric.calls[1]?.input, { to: 'x1', count: 3 });
    const report = await runText(text, fabric, { to: 'not allowed!' });
    assert.equal(report.failure?.reasons[0]?.code, 'bad-input');
    assert.equal(fabric.calls.length, 2);
  });
});

describe('a call after a failure', () => {
  test('tries again only those that failed or were silent, with the next try’s number', async () => {
    const troubles = [
      { node: 'b', call: 'thing.change', kind: 'failed', tries: [1] },
      { node: 'c', call: 'thing.change', kind: 'no-response', tries: [1, 2] },
    ] as const;
    const fabric = createFabric(four, { troubles });
    const report = await runText(change(', tries: 3, try_sleep: 2s'), fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ nodes, try: number }) => [nodes.join(), number]),
      [
        ['a,b,c,d', 1],
        ['b,c', 2],
        ['c', 3],
      ],
    );
    assert.deepEqual(fabric.slept, [2000, 2000]);
    assert.equal(report.steps[0]?.tries, 3);
    assert.equal(new Set(fabric.calls.map(({ requestId }) => requestId)).size, 1);
  });

  test('does not sleep before the first try, nor after the last', async () => {
    const fabric = createFabric(four, { troubles: [{ node: 'a', call: 'thing.change', kind: 'failed' }] });
    const report = await runText(change(', tries: 2, try_sleep: 7'), fabric);
    assert.equal(report.state, 'failed');
    assert.deepEqual(fabric.slept, [7000]);
  });

  test('treats a refusal as final, except “busy”', async () => {
    const troubles = [
      { node: 'a', call: 'thing.change', kind: 'refused' },
      { node: 'b', call: 'thing.change', kind: 'refused', code: 'busy', tries: [1] },
    ] as const;
    const fabric = createFabric(four, { troubles });
    const report = await runText(change(', tries: 4'), fabric);
    assert.deepEqual(
      fabric.calls.map(({ nodes }) => nodes.join()),
      ['a,b,c,d', 'b'],
    );
    assert.deepEqual(
      report.failure?.reasons.map(({ node, code }) => [node, code]),
      [['a', 'policy-denied']],
    );
  });

  test('stops the next batch when one fails, and names the nodes that were never called', async () => {
    const fabric = createFabric(four, { troubles: [{ node: 'b', call: 'thing.change', kind: 'failed' }] });
    const report = await runText(change(', batch: 2'), fabric);
    assert.equal(report.state, 'failed');
    assert.deepEqual(report.steps[0]?.ok, ['a']);
    assert.deepEqual(report.steps[0]?.untouched, ['c', 'd']);
    assert.deepEqual(
      report.steps[0]?.failed.map(({ node, code, reason }) => [node, code, reason]),
      [['b', 'broken', 'b is broken']],
    );
  });

  test('continues below its threshold, and stops at it, with silent nodes counted', async () => {
    const troubles = [
      { node: 'a', call: 'thing.change', kind: 'no-response' },
      { node: 'c', call: 'thing.change', kind: 'failed' },
    ] as const;
    const below = await runText(change(', batch: 1, max_failures: 3'), createFabric(four, { troubles }));
    assert.equal(below.state, 'done');
    assert.equal(below.steps[0]?.failed.length, 2);
    const at = await runText(change(', batch: 1, max_failures: "50%"'), createFabric(four, { troubles }));
    assert.equal(at.state, 'failed');
    assert.deepEqual(at.steps[0]?.untouched, ['d']);
  });
});

describe('limit and failover', () => {
  const text = change(', limit: 1, failover: true');

  test('call only one node if that succeeds', async () => {
    const fabric = createFabric(four);
    const report = await runText(text, fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(
      fabric.calls.map(({ nodes }) => nodes.join()),
      ['a'],
    );
    assert.deepEqual(report.steps[0]?.untouched, []);
  });

  test('replace a node that fails with the next, and name it', async () => {
    const troubles = [
      { node: 'a', call: 'thing.change', kind: 'no-response' },
      { node: 'b', call: 'thing.change', kind: 'refused' },
    ] as const;
    const fabric = createFabric(four, { troubles });
    const report = await runText(text, fabric);
    assert.equal(report.state, 'done');
    assert.deepEqual(report.steps[0]?.ok, ['c']);
    assert.deepEqual(
      report.steps[0]?.failed.map(({ node }) => node),
      ['a', 'b'],
    );
  });

  test('fail if no node remains', async () => {
    const troubles = four.map(({ name }) => ({ node: name, call: 'thing.change', kind: 'failed' }) as const);
    const fabric = createFabric(four, { troubles });
    const report = await runText(text, fabric);
    assert.equal(report.state, 'failed');
    assert.equal(fabric.calls.length, 4);
  });

  test('call only the limited number without failover', async () => {
    const troubles = [{ node: 'a', call: 'thing.change', kind: 'failed' }] as const;
    const fabric = createFabric(four, { troubles });
    const report = await runText(change(', limit: 2'), fabric);
    assert.equal(report.state, 'failed');
    assert.deepEqual(
      fabric.calls.map(({ nodes }) => nodes.join()),
      ['a,b'],
    );
  });
});
