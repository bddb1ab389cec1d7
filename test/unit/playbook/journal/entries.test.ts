// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';

const four: FabricNode[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, agents: ['thing'] }));
const change = (more = '') => playbookText(`  - {id: go, call: thing.change, on: all, with: {to: x}${more}}`);

describe('the journal', () => {
  test('is written before anything is called, and has each reply before the next step begins', async () => {
    const fabric = createFabric(four.slice(0, 2));
    await runText(change(', batch: 1'), fabric);
    assert.deepEqual(fabric.log, [
      'journal run-started',
      'journal nodes-found',
      'journal step-started go',
      'journal call go',
      'call go try 1: a',
      'journal outcome go a',
      'journal call go',
      'call go try 1: b',
      'journal outcome go b',
      'journal step-finished go',
      'journal run-finished',
    ]);
  });

  test('stops the run before the call that it would record if it cannot be written', async () => {
    const fabric = createFabric(four, {
      onJournal: ({ type }) => {
        if (type === 'call') throw new Problem('journal-failed', 'no space left on the device');
      },
    });
    const report = await runText(change(), fabric);
    assert.equal(report.failure?.reasons[0]?.code, 'journal-failed');
    assert.equal(fabric.calls.length, 0);
  });

  test('stops what would come next if it cannot store a reply', async () => {
    const fabric = createFabric(four, {
      onJournal: (entry) => {
        if (entry.type === 'outcome' && entry.node === 'b') throw new Problem('journal-failed', 'no space');
      },
    });
    const report = await runText(change(', batch: 2'), fabric);
    assert.equal(report.failure?.reasons[0]?.code, 'journal-failed');
    assert.equal(fabric.calls.length, 1);
  });

  test('never contains a sensitive input or output', async () => {
    const nodes = [
      { name: 'a', agents: ['thing'], actions: { 'thing.change': () => ({ text: 't', secret: 'hush-out' }) } },
    ];
    const fabric = createFabric(nodes);
    const text = `inputs: {pass: {sensitive: true}}\n${playbookText(
      '  - {call: thing.change, on: all, with: {to: x, token: "${{ inputs.pass }}"}}',
    )}`;
    await runText(text, fabric, { pass: 'hush-in' });
    assert.equal(fabric.calls[0]?.input.token, 'hush-in');
    assert.doesNotMatch(JSON.stringify([fabric.journal, fabric.events]), /hush/);
  });

  test('never contains a sensitive input that goes to an input without that mark: the call is not made', async () => {
    const fabric = createFabric([{ name: 'a', agents: ['thing'], actions: { 'thing.change': () => ({ text: 't' }) } }]);
    const text = `inputs: {pass: {sensitive: true}}\n${playbookText(
      '  - {call: thing.change, on: all, with: {to: "x-${{ inputs.pass }}-y"}}',
    )}`;
    const report = await runText(text, fabric, { pass: 'hush-in' });
    assert.equal(report.failure?.reasons[0]?.code, 'bad-input');
    assert.equal(fabric.calls.length, 0);
    assert.doesNotMatch(JSON.stringify([fabric.journal, fabric.events, report]), /hush/);
  });
});

test('a playbook never leads to output with a sensitive input', async () => {
  const fabric = createFabric([{ name: 'a', agents: ['thing'] }]);
  const text = playbookText(
    '  - {say: "the key is ${{ inputs.key }}."}\n  - {id: no, require: "false", message: "not with ${{ inputs.key }}"}',
    'inputs: {key: {sensitive: true}}\nlabel: "${{ inputs.key }}"',
  );
  const report = await runText(text, fabric, { key: 'Abracadabra' });
  assert.deepEqual(report.steps[0]?.lines, ['the key is (hidden).']);
  assert.equal(report.failure?.reasons[0]?.reason, 'not with (hidden)');
  assert.doesNotMatch(JSON.stringify([fabric.events, fabric.journal, report]), /Abracadabra/);
});

describe('the journal of a failure', () => {
  const nodes = [
    { name: 'a', agents: ['thing'], actions: { 'thing.look': () => ({ text: 'all is lost', number: 3 }) } },
    { name: 'b', agents: ['thing'], actions: { 'thing.look': () => ({ text: 'hush', secret: 'hush' }) } },
  ];
  const failedOf = (fabric: ReturnType<typeof createFabric>) =>
    fabric.journal.flatMap((entry) => (entry.type === 'step-finished' ? (entry.failed ?? []) : []));
  const check =
    '  - {call: thing.look, on: "${{ [inputs.node] }}", until: "reply.data.number == 1", message: "it says ${{ reply.data.text }} to ${{ inputs.token }}"}';
  const run = async (node: string, token: string) => {
    const fabric = createFabric(nodes);
    await runText(playbookText(check, 'inputs: {node: {}, token: {sensitive: true, default: x}}'), fabric, {
      node,
      token,
    });
    // The reason of each try is kept in the same form.
    const verdicts = fabric.journal.flatMap((entry) => (entry.type === 'verdict' ? entry.failed : []));
    assert.deepEqual(verdicts, failedOf(fabric));
    return failedOf(fabric);
  };

  test('names the node and the reason', async () => {
    const [failed] = await run('a', '');
    assert.deepEqual(failed, { node: 'a', code: 'until-failed', reason: 'it says all is lost to ' });
  });

  test('omits text that repeats a sensitive input or output', async () => {
    assert.equal((await run('a', 'Abracadabra'))[0]?.reason, '(hidden)');
    assert.equal((await run('b', ''))[0]?.reason, '(hidden)');
  });
});
