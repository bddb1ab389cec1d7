// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { angeliaDdl } from '../../../../src/agents/angelia/ddl.ts';
import { loadPlaybook } from '../../../../src/playbook/compile/load.ts';
import type { JournalEntry } from '../../../../src/playbook/journal/entries.ts';
import { runPlaybook } from '../../../../src/playbook/run/run-playbook.ts';
import { createFabric, type Fabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { labDdl, playbookText, runText } from '../../../support/fleet/playbook.ts';

const two: FabricNode[] = ['a', 'b'].map((name) => ({ name, agents: ['thing'] }));
const change = (more = '') => playbookText(`  - {id: go, call: thing.change, on: all, with: {to: x}${more}}`);
const failing = (...tries: number[]) => [{ node: 'b', call: 'thing.change', kind: 'failed', tries } as const];
const entries = <Type extends JournalEntry['type']>({ journal }: Fabric, type: Type) =>
  journal.filter((entry): entry is Extract<JournalEntry, { type: Type }> => entry.type === type);
const triesOf = ({ calls }: Fabric) => calls.map(({ nodes, try: number }) => `${nodes.join()} ${number}`);

describe('a try that failed', () => {
  test('is reported before the next one: on which nodes, which try of how many, and how long it waits', async () => {
    const fabric = createFabric(two, { troubles: failing(1) });
    await runText(change(', tries: 3, try_sleep: 7s'), fabric);
    const reported = fabric.events.filter(({ type }) => type === 'try-failed' || type === 'try-started');
    const started = { type: 'try-started', step: 'go', batch: 1, batches: 1, tries: 3, changes: true };
    assert.deepEqual(reported, [
      { ...started, try: 1, nodes: ['a', 'b'] },
      {
        ...{ type: 'try-failed', step: 'go', try: 1, tries: 3, wait: 7000 },
        failed: [{ node: 'b', code: 'broken', reason: 'b is broken' }],
      },
      { ...started, try: 2, nodes: ['b'] },
    ]);
  });

  test('leads to the next only once the wait is over', async () => {
    const fabric = createFabric(two, { troubles: failing(1) });
    const sleep: Fabric['ports']['sleep'] = async (milliseconds) => {
      await new Promise((resolve) => setImmediate(resolve));
      fabric.log.push(`slept ${milliseconds}`);
    };
    await runText(change(', tries: 2, try_sleep: 1ms'), { ...fabric, ports: { ...fabric.ports, sleep } });
    const order = fabric.log.filter((line) => /^(call|slept)/.test(line));
    assert.deepEqual(order, ['call go try 1: a b', 'slept 1', 'call go try 2: b']);
  });

  test('leads to the next at once if no wait is given', async () => {
    const fabric = createFabric(two, { troubles: failing(1) });
    await runText(change(', tries: 2'), fabric);
    assert.deepEqual([triesOf(fabric), fabric.slept], [['a,b 1', 'b 2'], []]);
  });

  test('is the last if the run is interrupted during the wait, with one open node or with several', async () => {
    for (const nodes of [two, two.slice(1)]) {
      const stop = new AbortController();
      const fabric = createFabric(nodes, {
        troubles: [...failing(1), { node: 'a', call: 'thing.change', kind: 'failed' }],
        onSleep: () => stop.abort(),
      });
      const report = await runText(change(', tries: 3, try_sleep: 1s'), fabric, {}, { signal: stop.signal });
      assert.deepEqual([report.state, report.steps[0]?.state], ['interrupted', 'interrupted']);
      assert.equal(fabric.calls.length, 1);
    }
  });

  test('is the last if all tries of the step are used up', async () => {
    for (const tries of [1, 2, 3]) {
      const fabric = createFabric(two, { troubles: failing(1, 2, 3, 4, 5) });
      const report = await runText(change(`, tries: ${tries}`), fabric);
      assert.deepEqual([report.state, fabric.calls.length, report.steps[0]?.tries], ['failed', tries, tries]);
    }
  });
});

describe('a batch', () => {
  test('is reported by its number and the total', async () => {
    const fabric = createFabric(two);
    await runText(change(', batch: 1'), fabric);
    const places = fabric.events.flatMap((event) =>
      event.type === 'try-started' ? [[event.batch, event.batches, event.nodes]] : [],
    );
    assert.deepEqual(places, [
      [1, 2, ['a']],
      [2, 2, ['b']],
    ]);
    assert.deepEqual(
      entries(fabric, 'call').map(({ batch, changes, dryRun }) => [batch, changes, dryRun]),
      [
        [1, true, false],
        [2, true, false],
      ],
    );
  });

  test('may change nodes, but not if it reads, in a dry run, or if a node only passes a message on', async () => {
    const announced = async (step: string, dryRun = false) => {
      const fabric = createFabric([{ name: 'a', agents: ['thing', 'angelia'] }]);
      const playbook = await loadPlaybook({ text: playbookText(`  - ${step}`), name: 'test.yaml' }, [
        labDdl,
        angeliaDdl,
      ]);
      await runPlaybook(playbook, {}, fabric.ports, { dryRun });
      const events = fabric.events.flatMap((event) => (event.type === 'try-started' ? [event.changes] : []));
      const written = entries(fabric, 'call').flatMap(({ agent, changes }) => (agent === 'rpcutil' ? [] : [changes]));
      return [events.at(-1), written.at(-1)];
    };
    const step = '{call: thing.change, on: all, with: {to: x}}';
    assert.deepEqual(await announced(step), [true, true]);
    assert.deepEqual(await announced(step, true), [false, false]);
    assert.deepEqual(await announced('{call: thing.look, on: all}'), [false, false]);
    const message = '{call: angelia.sendmsg, on: all, with: {message: m, recipient: "mailto:a@b.test"}}';
    assert.deepEqual(await announced(message), [false, true], 'what is written down is whether it may be repeated');
  });
});

describe('the journal', () => {
  test('gets each call before it is sent and each outcome before the next call', async () => {
    const fabric = createFabric(two, { troubles: failing(1) });
    const journal: Fabric['ports']['journal'] = async (entry) => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      await fabric.ports.journal(entry);
    };
    await runText(change(', tries: 2'), { ...fabric, ports: { ...fabric.ports, journal } });
    const order = fabric.log.filter((line) => /^(call|journal (call|outcome))/.test(line));
    assert.deepEqual(order, [
      ...['journal call go', 'call go try 1: a b', 'journal outcome go a', 'journal outcome go b'],
      ...['journal call go', 'call go try 2: b', 'journal outcome go b'],
    ]);
  });

  test('ends the run if it cannot be written: nothing further is called', async () => {
    for (const type of ['call', 'outcome', 'verdict'] as const) {
      const fabric = createFabric([{ name: 'a', agents: ['thing'] }], {
        onJournal: (entry) => {
          if (entry.type === type) throw new Error('disk full');
        },
      });
      const text = playbookText('  - {call: thing.look, on: all, until: reply.data.number == 0, tries: 3}');
      const report = await runText(text, fabric);
      assert.deepEqual([report.state, report.failure?.reasons[0]?.reason], ['failed', 'disk full'], type);
      assert.equal(fabric.calls.length, type === 'call' ? 0 : 1, type);
    }
  });

  test('has the reason that a reply was not sufficient, under the request and before the next try', async () => {
    const fabric = createFabric([{ name: 'a', agents: ['thing'], actions: { 'thing.look': () => ({ number: 1 }) } }]);
    const journal: Fabric['ports']['journal'] = async (entry) => {
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
      await fabric.ports.journal(entry);
    };
    const text = playbookText(
      '  - {id: look, call: thing.look, on: all, until: reply.data.number == 0, message: too many, tries: 2}',
    );
    await runText(text, { ...fabric, ports: { ...fabric.ports, journal } });
    const verdict = { type: 'verdict', step: 'look', requestId: fabric.calls[0]?.requestId };
    assert.deepEqual(
      entries(fabric, 'verdict').map(({ at: _at, runId: _run, ...rest }) => rest),
      Array(2).fill({ ...verdict, failed: [{ node: 'a', code: 'until-failed', reason: 'too many' }] }),
    );
    const order = fabric.log.filter((line) => /^(call|journal verdict)/.test(line));
    assert.deepEqual(order, [
      'call look try 1: a',
      'journal verdict look',
      'call look try 2: a',
      'journal verdict look',
    ]);
  });

  test('has no judgement of a node that failed: its outcome gives the reason', async () => {
    const fabric = createFabric(two, { troubles: failing(1) });
    await runText(change(', tries: 2'), fabric);
    assert.deepEqual(entries(fabric, 'verdict'), []);
  });

  test('has with each outcome the head of the node’s audit log, if it sent one', async () => {
    const fabric = createFabric(two);
    const call: Fabric['ports']['call'] = (given, hear, kill) =>
      fabric.ports.call(given, (outcome) => hear(outcome.node === 'b' ? outcome : signed(outcome)), kill);
    const signed = <Outcome>(outcome: Outcome) => ({
      ...outcome,
      auditHead: { sequence: 7, hash: Buffer.from('ab12', 'hex') } as never,
    });
    await runText(change(), { ...fabric, ports: { ...fabric.ports, call } });
    const heads = entries(fabric, 'outcome').map(({ node, auditHead }) => [node, auditHead]);
    assert.deepEqual(heads, [
      ['a', '7:ab12'],
      ['b', undefined],
    ]);
  });
});

describe('several outcomes of a node', () => {
  test('count as the first one, which is recorded once', async () => {
    const fabric = createFabric(two);
    const call: Fabric['ports']['call'] = async (given, hear, kill) => {
      const outcomes = await fabric.ports.call(given, hear, kill);
      return outcomes.map((outcome) => ({ ...outcome, outcome: 'failed' as const, code: 'late', message: 'late' }));
    };
    const report = await runText(change(), { ...fabric, ports: { ...fabric.ports, call } });
    assert.deepEqual([report.state, entries(fabric, 'outcome').length], ['done', 2]);
  });
});

describe('a value that a dry run would wait for', () => {
  test('is reported after a change that was not made, and does not fail the step', async () => {
    const text = playbookText(`  - {id: go, call: thing.change, on: all, with: {to: x}}
  - {id: look, call: thing.look, on: all, until: reply.data.number == 0, message: "it is \${{ reply.data.number }}", tries: 3}`);
    const nodes = two.map((node) => ({
      ...node,
      actions: { 'thing.look': () => ({ number: node.name === 'a' ? 1 : 0 }) },
    }));
    const fabric = createFabric(nodes);
    const report = await runText(text, fabric, {}, { dryRun: true });
    assert.equal(report.state, 'done');
    assert.deepEqual(report.steps[1]?.lines, ['not yet true on a: it is 1']);
    assert.equal(fabric.calls.filter(({ step }) => step === 'look').length, 1);
  });

  test('fails the step if a node does not reply', async () => {
    const text = playbookText(`  - {id: go, call: thing.change, on: all, with: {to: x}}
  - {id: look, call: thing.look, on: all, until: reply.data.number == 0}`);
    const fabric = createFabric(two, { troubles: [{ node: 'a', call: 'thing.look', kind: 'failed' }] });
    const report = await runText(text, fabric, {}, { dryRun: true });
    assert.deepEqual(
      report.steps[1]?.failed.map(({ node, code }) => [node, code]),
      [['a', 'broken']],
    );
  });
});
