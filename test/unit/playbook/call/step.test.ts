// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PlaybookPorts } from '../../../../src/playbook/ports.ts';
import type { RunOptions } from '../../../../src/playbook/run/start-context.ts';
import { createFabric, type Fabric, type FabricNode, type FabricOptions } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';

const four: FabricNode[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, agents: ['thing'] }));
const change = (more = '') => `  - {id: go, call: thing.change, on: all, with: {to: x}${more}}`;

interface Given extends FabricOptions {
  readonly nodes?: readonly FabricNode[];
  readonly ports?: (fabric: Fabric) => Partial<PlaybookPorts>;
  readonly rest?: string;
}
async function run(steps: string, { nodes = four, ports, rest, ...options }: Given = {}, more: RunOptions = {}) {
  const fabric = createFabric(nodes, options);
  const given = { ...fabric, ports: { ...fabric.ports, ...ports?.(fabric) } };
  const report = await runText(playbookText(steps, rest), given, {}, more);
  const calls = fabric.calls.filter(({ agent }) => agent === 'thing');
  return { fabric, report, called: calls.map(({ nodes: some }) => some.join()) };
}

describe('a confirmation', () => {
  const asking = async (steps: string, answer: boolean, options: RunOptions = {}) => {
    const order: string[] = [];
    const { report } = await run(
      steps,
      {
        onCall: ({ agent, step }) => void (agent === 'thing' && order.push(step)),
        ports: () => ({
          agree: async () => {
            await new Promise((resolve) => setImmediate(resolve));
            order.push('asked');
            return answer;
          },
        }),
      },
      options,
    );
    return { order, report };
  };
  const look = '  - {id: look, call: thing.look, on: all}\n';

  test('is requested once, after reads and before the first change', async () => {
    const again = '\n  - {id: more, call: thing.change, on: all, with: {to: y}}';
    assert.deepEqual((await asking(look + change() + again, true)).order, ['look', 'asked', 'go', 'more']);
  });

  test('changes nothing if it is denied', async () => {
    const { order, report } = await asking(look + change(), false);
    assert.deepEqual(order, ['look', 'asked']);
    assert.notEqual(report.state, 'done');
  });

  test('is requested neither in a dry run nor by a step that only reads', async () => {
    assert.deepEqual((await asking(change(), false, { dryRun: true })).order, ['go']);
    assert.deepEqual((await asking(change(', dry_run: true'), false)).order, ['go']);
    assert.deepEqual((await asking(look, false)).order, ['look']);
  });
});

describe('the lease', () => {
  const taking = async (steps: string, options: RunOptions = {}) => {
    const order: string[] = [];
    await run(
      steps,
      {
        onCall: ({ agent }) => void (agent === 'thing' && order.push('call')),
        ports: () => ({
          takeLease: async () => {
            await new Promise((resolve) => setImmediate(resolve));
            order.push('lease');
          },
        }),
      },
      options,
    );
    return order;
  };

  test('is held before a step that only reads: what it reads must stay true until the change', async () => {
    assert.deepEqual(await taking(change(', dry_run: true')), ['lease', 'call']);
    assert.deepEqual(await taking(change()), ['lease', 'call']);
    assert.deepEqual(await taking(change(), { dryRun: true }), ['call']);
    assert.deepEqual(await taking('  - {call: thing.look, on: all}'), ['call']);
  });
});

describe('a step without a node to call', () => {
  const ran = '  - {id: last, say: "${{ steps.go.ran }}"}';
  const nobody = (expression: string) => `  - {id: go, call: thing.change, on: "\${{ ${expression} }}", with: {to: x}}`;

  test('fails if an expression gives none', async () => {
    const { report, called } = await run(nobody("['a'].filter(one, false)"));
    assert.deepEqual([report.state, called], ['failed', []]);
    assert.deepEqual(report.failure?.reasons, [
      { node: '', code: 'no-nodes', reason: 'there is no node to call: “on” gives an empty list' },
    ]);
    const accepted = `${nobody("['a'].filter(one, false)").replace(/}$/, ', fail_ok: true}')}\n${ran}`;
    assert.deepEqual((await run(accepted)).report.steps[1]?.lines, ['false']);
    assert.deepEqual((await run(`${change()}\n${ran}`)).report.steps[1]?.lines, ['true'], 'with nodes to call');
  });

  test('is done without a run if its set may be empty', async () => {
    const text = `name: test\nnodes:\n  all: {agents: [thing]}\n  few: {agents: [none], at_least: 0}\nsteps:\n  - {id: go, call: thing.change, on: few, with: {to: x}}\n  - {id: last, say: "\${{ steps.go.ran }}"}\n`;
    const fabric = createFabric(four);
    const report = await runText(text, fabric);
    assert.deepEqual(
      [report.steps[0]?.state, report.steps[0]?.lines],
      ['done', ['thing#change: there is no node to call']],
    );
    assert.deepEqual(report.steps[1]?.lines, ['false']);
  });

  test('is done in a dry run after a change: its nodes depend on it', async () => {
    const both = `${change()}\n  - {id: next, call: thing.look, on: "\${{ ['a'].filter(one, false) }}"}`;
    assert.equal((await run(both, {}, { dryRun: true })).report.state, 'done');
    assert.equal((await run(both)).report.state, 'failed');
    assert.equal((await run(nobody("['a'].filter(one, false)"), {}, { dryRun: true })).report.state, 'failed');
  });
});

describe('the nodes of a step', () => {
  for (const [what, expression, reason] of [
    ['are a list', "'a'", '“on” must give a list of names of nodes'],
    ['are known', "['a', 'z']", '“on” gives "z", which is not in a node set of the playbook'],
    ['are names', "['a', 7]", '“on” gives 7, which is not in a node set of the playbook'],
    ['have no other characters', "['a', 'a b']", '“on” gives "a b", which is not in a node set of the playbook'],
  ] as const) {
    test(`${what}, or none of them is called`, async () => {
      const { report, called } = await run(
        `  - {id: go, call: thing.change, on: "\${{ ${expression} }}", with: {to: x}}`,
      );
      assert.deepEqual([report.state, called], ['failed', []]);
      assert.deepEqual(report.failure?.reasons, [{ node: '', code: 'bad-nodes', reason }]);
    });
  }

  test('are called once each, however often they are listed', async () => {
    const text = `  - {id: go, call: thing.change, on: "\${{ ['b', 'a', 'b'] }}", with: {to: x}}`;
    assert.deepEqual((await run(text)).called, ['b,a']);
  });

  test('are announced in their batches before the first call, and only those within a limit', async () => {
    const planned = async (more: string) => {
      const { fabric, called } = await run(change(more));
      const at = fabric.events.findIndex(({ type }) => type === 'step-planned');
      assert.ok(at >= 0 && at < fabric.events.findIndex(({ type }) => type === 'try-started'));
      const event = fabric.events[at];
      return event?.type === 'step-planned' ? [event.step, event.title, event.dryRun, event.batches, called] : [];
    };
    const named = ['go', 'thing#change', false];
    assert.deepEqual(await planned(', batch: 3'), [...named, [['a', 'b', 'c'], ['d']], ['a,b,c', 'd']]);
    assert.deepEqual(await planned(', limit: 2'), [...named, [['a', 'b']], ['a,b']]);
  });
});

describe('the time between batches', () => {
  test('the run waits as long as the step requires, before each but the first', async () => {
    const { fabric } = await run(change(', batch: 2, batch_sleep: 5s'));
    assert.deepEqual(fabric.slept, [5000]);
    assert.deepEqual((await run(change(', batch: 1, batch_sleep: 1ms'))).fabric.slept, [1, 1, 1]);
    assert.deepEqual((await run(change(', batch: 2'))).fabric.slept, []);
  });

  test('the next call is made only once the wait is over', async () => {
    const { fabric } = await run(change(', batch: 2, batch_sleep: 5s'), {
      ports: ({ log }) => ({
        sleep: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          log.push('slept');
        },
      }),
    });
    const order = fabric.log.filter((line) => /^(call go|slept)/.test(line));
    assert.deepEqual(order, ['call go try 1: a b', 'slept', 'call go try 1: c d']);
  });

  test('an interrupted run calls no further node, and reports which were never called', async () => {
    for (const more of [', batch: 2', ', batch: 2, batch_sleep: 5s']) {
      for (const when of ['during a call', 'during the wait'] as const) {
        const stop = new AbortController();
        const given: Given =
          when === 'during a call' ? { onCall: () => stop.abort() } : { onSleep: () => stop.abort() };
        const { report, called } = await run(change(more), given, { signal: stop.signal });
        if (when === 'during the wait' && !more.includes('sleep')) continue;
        assert.deepEqual([report.state, called], ['interrupted', ['a,b']], when + more);
        const [go] = report.steps;
        assert.deepEqual([go?.state, go?.ok, go?.untouched], ['interrupted', ['a', 'b'], ['c', 'd']]);
      }
    }
  });

  test('a run that is interrupted before the first batch calls no node, and reports no try', async () => {
    const stop = new AbortController();
    const agree = async () => {
      stop.abort();
      return true;
    };
    const { report, called } = await run(change(', batch: 2'), { ports: () => ({ agree }) }, { signal: stop.signal });
    const [go] = report.steps;
    assert.deepEqual([called, go?.state, go?.tries, go?.untouched], [[], 'interrupted', 0, ['a', 'b', 'c', 'd']]);
  });

  test('an interrupted run does not fail through the failures of its last batch', async () => {
    const stop = new AbortController();
    const { report, fabric } = await run(
      change(', batch: 2, tries: 2, try_sleep: 7s'),
      { troubles: [{ node: 'b', call: 'thing.change', kind: 'failed' }], onCall: () => stop.abort() },
      { signal: stop.signal },
    );
    const [go] = report.steps;
    assert.deepEqual([go?.state, go?.untouched, fabric.slept], ['interrupted', ['c', 'd'], []]);
  });
});

describe('a node that takes over', () => {
  const text = change(', limit: 2, failover: true');
  const failing = (...names: string[]) =>
    names.map((node) => ({ node, call: 'thing.change', kind: 'failed' }) as const);

  test('replaces each node that failed, until enough have done it', async () => {
    const { report, called } = await run(text, { troubles: failing('a') });
    assert.deepEqual([report.state, called, report.steps[0]?.ok], ['done', ['a,b', 'c'], ['b', 'c']]);
    assert.deepEqual((await run(text, { troubles: failing('a', 'b') })).called, ['a,b', 'c,d']);
    const { report: none, called: all } = await run(text, { troubles: failing('a', 'b', 'c') });
    assert.deepEqual([none.state, all, none.steps[0]?.ok], ['failed', ['a,b', 'c,d'], ['d']]);
  });

  test('is not called in a run that was interrupted, and is reported as never called', async () => {
    const stop = new AbortController();
    const { report, called } = await run(
      text,
      { troubles: failing('a'), onCall: () => stop.abort() },
      { signal: stop.signal },
    );
    assert.deepEqual([called, report.steps[0]?.untouched, report.state], [['a,b'], ['c', 'd'], 'interrupted']);
  });

  test('is not called in a run that was interrupted either if the node that failed cannot be tried again', async () => {
    const stop = new AbortController();
    const refused = { node: 'a', call: 'thing.change', kind: 'refused' } as const;
    const given = { troubles: [refused], onCall: () => stop.abort() };
    const { report, called } = await run(text, given, { signal: stop.signal });
    assert.deepEqual([called, report.steps[0]?.untouched, report.state], [['a,b'], ['c', 'd'], 'interrupted']);
    const enough = await run(change(', limit: 1, failover: true'), { onCall: () => stop.abort() });
    assert.deepEqual([enough.report.steps[0]?.state, enough.report.steps[0]?.untouched], ['done', []]);
  });

  test('is missing at the end: a run that was interrupted does not fail for that', async () => {
    const stop = new AbortController();
    const given = { nodes: four.slice(0, 2), troubles: failing('a'), onCall: () => stop.abort() };
    const { report } = await run(change(', limit: 2, failover: true, tries: 2'), given, { signal: stop.signal });
    assert.deepEqual(
      [report.state, report.steps[0]?.state, report.steps[0]?.ok],
      ['interrupted', 'interrupted', ['b']],
    );
  });

  test('is tried as the step requires', async () => {
    const { called } = await run(change(', limit: 1, failover: true, tries: 2'), { troubles: failing('a') });
    assert.deepEqual(called, ['a', 'a', 'b']);
    const places = (await run(text, { troubles: failing('a') })).fabric.events.flatMap((event) =>
      event.type === 'try-started' ? [[event.batch, event.batches]] : [],
    );
    assert.deepEqual(places, [
      [1, 1],
      [2, 2],
    ]);
  });
});

describe('a dry run', () => {
  test('reports the expected replies of nodes that could give them', async () => {
    const nodes = four.slice(0, 3).map((node, at) => ({
      ...node,
      actions: { 'thing.change': () => (at === 0 ? { text: 'x', number: 2 } : at === 1 ? { text: 'y' } : {}) },
    }));
    const troubles = [{ node: 'b', call: 'thing.change', kind: 'failed' }] as const;
    const { report } = await run(change(', max_failures: 2'), { nodes, troubles }, { dryRun: true });
    assert.deepEqual(report.steps[0]?.lines, ['a would answer text=x number=2']);
    assert.equal(report.steps[0]?.dryRun, true);
    const one = await run(change(), { nodes: nodes.slice(1, 2) }, { dryRun: true });
    assert.deepEqual(one.report.steps[0]?.lines, ['b would answer text=y']);
  });

  test('does not count the data of a node that failed as its expected reply', async () => {
    const ports = ({ ports: { call } }: Fabric): Partial<PlaybookPorts> => ({
      call: async (given, _hear, kill) =>
        (await call(given, () => {}, kill)).map((one) => ({ ...one, data: { text: 'y' } })),
    });
    const troubles = [{ node: 'b', call: 'thing.change', kind: 'failed' }] as const;
    const nodes = four.slice(0, 2);
    const { report } = await run(change(', max_failures: 2'), { nodes, troubles, ports }, { dryRun: true });
    assert.deepEqual(report.steps[0]?.lines, ['a would answer text=y']);
  });

  test('prints nothing more for a step that only reads than a real run', async () => {
    const looking = [{ ...four[0], actions: { 'thing.look': () => ({ text: 'x' }) } } as FabricNode];
    const look = '  - {id: look, call: thing.look, on: all}';
    assert.deepEqual((await run(look, { nodes: looking }, { dryRun: true })).report.steps[0]?.lines, []);
    const nodes = [{ ...four[0], actions: { 'thing.change': () => ({ text: 'x' }) } } as FabricNode];
    assert.deepEqual((await run(change(', dry_run: true'), { nodes })).report.steps[0]?.lines, []);
  });

  test('skips a change without a dry run, and its step was not run', async () => {
    const { report, called } = await run(
      '  - {id: go, call: thing.blind, on: all}\n  - {id: last, say: "${{ steps.go.ran }}"}',
      {},
      { dryRun: true },
    );
    assert.deepEqual([called, report.steps[0]?.dryRun], [[], true]);
    assert.deepEqual(report.steps[1]?.lines, ['would say: false']);
    assert.deepEqual((await run('  - {id: go, call: thing.blind, on: all}')).called, ['a,b,c,d']);
  });

  test('requires a reading before any change to pass, as in a real run', async () => {
    const look = '  - {id: look, call: thing.look, on: all, until: reply.data.number == 0}\n';
    const nodes = [{ ...four[0], actions: { 'thing.look': () => ({ number: 1 }) } } as FabricNode];
    assert.equal((await run(look, { nodes }, { dryRun: true })).report.state, 'failed');
    assert.equal((await run(`${change()}\n${look}`, { nodes }, { dryRun: true })).report.state, 'done');
    assert.equal((await run(`${change()}\n${look}`, { nodes })).report.state, 'failed');
  });
});

test('a secret that an expression puts into an input of another step is refused before the call', async () => {
  const text = `name: test
inputs: {password: {sensitive: true}}
nodes: {all: {agents: [thing]}}
steps:
  - {id: go, call: thing.change, on: all, with: {to: "\${{ inputs.password }}"}}
`;
  const fabric = createFabric(four);
  const report = await runText(text, fabric, { password: 'hunter2hunter2' });
  assert.equal(report.state, 'failed');
  assert.deepEqual(
    fabric.calls.filter(({ agent }) => agent === 'thing'),
    [],
  );
});
