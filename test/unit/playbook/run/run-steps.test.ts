// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createFabric, type FabricNode } from '../../../support/fleet/fabric.ts';
import { playbookText, runText } from '../../../support/fleet/playbook.ts';
import { runTwice } from '../../../support/fleet/resumed.ts';
import { testProblem } from '../../../support/test-problem.ts';

const four: FabricNode[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, agents: ['thing'] }));
const change = (more = '') => playbookText(`  - {id: go, call: thing.change, on: all, with: {to: x}${more}}`);

describe('the steps of a playbook', () => {
  const three = playbookText(`  - {id: one, call: thing.change, on: all, with: {to: x}}
  - {id: two, call: thing.look, on: all}
  - {id: three, say: done}`);

  test('stop their dependent steps if they fail', async () => {
    const fabric = createFabric(four, { troubles: [{ node: 'a', call: 'thing.change', kind: 'failed' }] });
    const report = await runText(three, fabric);
    assert.deepEqual(
      report.steps.map(({ id, state }) => [id, state]),
      [
        ['one', 'failed'],
        ['two', 'not-run'],
        ['three', 'not-run'],
      ],
    );
    assert.equal(fabric.calls.length, 1);
  });

  test('do not end the run well by a finish that cannot be recorded', async () => {
    const onJournal = (entry: { readonly type: string; readonly step?: string }) => {
      if (entry.type === 'step-finished' && entry.step === 'end') throw testProblem('journal-failed', 'it is full');
    };
    const steps = '  - {id: end, finish: nothing to do}\n  - {id: more, call: thing.look, on: all}';
    assert.equal((await runText(playbookText(steps), createFabric(four))).state, 'nothing-to-do');
    const report = await runText(playbookText(steps), createFabric(four, { onJournal }));
    assert.deepEqual([report.state, report.steps.map(({ state }) => state)], ['failed', ['failed', 'not-run']]);
  });

  test('fail if their end cannot be recorded, and those that depend on them do not run', async () => {
    const full = (type: string) => (entry: { readonly type: string; readonly step?: string }) => {
      if (entry.type === type && entry.step === 'one') throw testProblem('journal-failed', 'the disk is full');
    };
    for (const type of ['step-started', 'call', 'outcome', 'step-finished']) {
      const fabric = createFabric(four, { onJournal: full(type) });
      const report = await runText(three, fabric);
      const [one, ...others] = report.steps;
      assert.deepEqual([report.state, one?.state], ['failed', 'failed'], type);
      assert.match(one?.failed.map(({ code }) => code).join() ?? '', /journal-failed/, type);
      assert.deepEqual(
        others.map(({ state }) => state),
        ['not-run', 'not-run'],
        type,
      );
      const called = type === 'outcome' || type === 'step-finished' ? ['one'] : [];
      assert.deepEqual(
        fabric.calls.map(({ step }) => step),
        called,
        `${type}: nothing is called that is not recorded`,
      );
    }
  });

  test('show no secret in the lines of a failure that the playbook accepts', async () => {
    const text = playbookText(
      '  - {id: go, require: "false", message: "it needs ${{ inputs.token }}", fail_ok: true}',
      'inputs: {token: {sensitive: true}}',
    );
    const fabric = createFabric(four);
    const report = await runText(text, fabric, { token: 'hunter2' });
    assert.deepEqual(report.steps[0]?.lines, ['failed, and the run continues (fail_ok): it needs (hidden)']);
    assert.doesNotMatch(JSON.stringify([report, fabric.events, fabric.journal]), /hunter2/);
  });

  test('still run if they do not depend on a failed one', async () => {
    const fabric = createFabric(four, { troubles: [{ node: 'a', call: 'thing.change', kind: 'failed' }] });
    const report = await runText(three.replace('id: two,', 'id: two, needs: [],'), fabric);
    assert.equal(report.state, 'failed');
    assert.deepEqual(
      report.steps.map(({ state }) => state),
      ['failed', 'done', 'done'],
    );
  });

  test('receive in on_failure how each step ended and what failed', async () => {
    const text = playbookText(
      `  - {id: one, call: thing.change, on: all, with: {to: x}}
  - {id: two, call: thing.look, on: all}`,
      `on_failure:
  - {id: back, if: steps.one.ran && !steps.two.ran, call: thing.look, on: all}
  - {id: tell, say: "\${{ failure.step }}: \${{ failure.reasons.map(r, r.node) }} failed, \${{ steps.back.replies.size() }} asked, \${{ steps.one.replies.filter(r, r.ok).size() }} ok"}
  - {id: not, if: steps.two.ran, say: no}`,
    );
    const fabric = createFabric(four, { troubles: [{ node: 'c', call: 'thing.change', kind: 'failed' }] });
    const report = await runText(text, fabric);
    assert.equal(report.state, 'failed');
    assert.equal(report.failure?.step, 'one');
    const after = report.steps.filter(({ afterFailure }) => afterFailure);
    assert.deepEqual(
      after.map(({ id, state }) => [id, state]),
      [
        ['back', 'done'],
        ['tell', 'done'],
        ['not', 'skipped'],
      ],
    );
    assert.deepEqual(after[1]?.lines, ['one: c failed, 4 asked, 3 ok']);
  });

  test('continue in on_failure when one of them fails', async () => {
    const text = playbookText(
      '  - {id: one, require: "1 == 2"}',
      'on_failure:\n  - {id: back, call: thing.look, on: all}\n  - {id: tell, say: told}',
    );
    const fabric = createFabric(four, { troubles: [{ node: 'c', call: 'thing.look', kind: 'failed' }] });
    const report = await runText(text, fabric);
    assert.deepEqual(
      report.steps.map(({ state }) => state),
      ['failed', 'failed', 'done'],
    );
    assert.equal(report.failure?.step, 'one');
  });

  test('do not run in on_failure after a successful run', async () => {
    const text = playbookText('  - {say: hello}', 'on_failure:\n  - {id: tell, say: told}');
    const report = await runText(text, createFabric(four));
    assert.deepEqual(
      report.steps.map(({ lines }) => lines),
      [['hello']],
    );
  });

  test('end the run successfully with finish, and report that nothing was to do if nothing was changed', async () => {
    const text = playbookText(
      '  - {id: look, call: thing.look, on: all}\n  - {finish: all is well}\n  - {id: never, call: thing.look, on: all}',
    );
    const fabric = createFabric(four);
    const report = await runText(text, fabric);
    assert.equal(report.state, 'nothing-to-do');
    assert.deepEqual(report.steps[1]?.lines, ['all is well']);
    assert.equal(report.steps[2]?.state, 'not-run');
    assert.equal(fabric.calls.length, 1);
    const after = await runText(
      text.replace('thing.look, on: all}\n  - {fin', 'thing.change, with: {to: x}, on: all}\n  - {fin'),
      fabric,
    );
    assert.equal(after.state, 'done');
  });

  test('set values that later steps receive, with their types', async () => {
    const text = playbookText(
      '  - {set: {n: "${{ nodes.all.size + 1 }}", list: "${{ nodes.all.names }}", mixed: "${{ nodes.all.size }} nodes"}}\n  - {say: "${{ values.n + 1 }} ${{ values.list }} ${{ values.mixed }}"}',
    );
    const report = await runText(text, createFabric(four));
    assert.deepEqual(report.steps[1]?.lines, ['6 a, b, c, d 4 nodes']);
  });

  test('fail for a value of another type than the expression needs, with its position', async () => {
    const report = await runText(playbookText('  - {say: "${{ nodes.all.names[9] }}"}'), createFabric(four));
    assert.equal(report.failure?.reasons[0]?.code, 'bad-expression');
    assert.match(report.failure?.reasons[0]?.reason ?? '', /^test\.yaml:6:\d+: /);
  });

  test('run after the steps that they need, in any order of the file', async () => {
    const text = playbookText('  - {id: late, needs: early, say: two}\n  - {id: early, needs: [], say: one}');
    const report = await runText(text, createFabric(four));
    assert.deepEqual(
      report.steps.map(({ lines }) => lines[0]),
      ['one', 'two'],
    );
  });
});

describe('an interruption', () => {
  test('finishes the current batch, begins nothing more, and runs the failure steps', async () => {
    const stop = new AbortController();
    const fabric = createFabric(four, { onCall: () => stop.abort() });
    const text = playbookText(
      '  - {id: go, call: thing.change, on: all, with: {to: x}, batch: 2}\n  - {id: next, say: no}',
      'on_failure:\n  - {id: tell, call: thing.look, on: all}',
    );
    const report = await runText(text, fabric, {}, { signal: stop.signal });
    assert.equal(report.state, 'interrupted');
    assert.deepEqual(
      report.steps.map(({ id, state }) => [id, state]),
      [
        ['go', 'interrupted'],
        ['next', 'not-run'],
        ['tell', 'done'],
      ],
    );
    assert.deepEqual(report.steps[0]?.ok, ['a', 'b']);
    assert.deepEqual(report.steps[0]?.untouched, ['c', 'd']);
  });

  test('ends a pause, a wait and the time between two batches, and nothing follows', async () => {
    const more = '  - {id: next, call: thing.look, on: all}';
    for (const [what, step, called] of [
      ['pause', '  - {id: go, pause: 1h}', 0],
      ['wait_for', '  - {id: go, wait_for: {tcp: "a:1", timeout: 1h, every: 1m}}', 0],
      ['batch_sleep', '  - {id: go, call: thing.change, on: all, with: {to: x}, batch: 2, batch_sleep: 1h}', 1],
      ['rolling', '  - {id: go, rolling: {over: all, batch: 2, batch_sleep: 1h, steps: [{pause: 1h}]}}', 0],
      ['for_each', '  - {id: go, for_each: {in: [x, y], steps: [{pause: 1h}]}}', 0],
    ] as const) {
      for (const isBefore of [false, true]) {
        const stop = new AbortController();
        const act = () => stop.abort('Ctrl-C');
        const fabric = createFabric(four, { onSleep: act });
        const probe = async () => {
          if (isBefore) act();
          return 'nothing listens';
        };
        const report = await runText(
          playbookText(`${step}\n${more}`),
          { ...fabric, ports: { ...fabric.ports, probe } },
          {},
          { signal: stop.signal },
        );
        assert.deepEqual(
          [report.state, ...report.steps.map(({ id, state }) => `${id} ${state}`)],
          ['interrupted', 'go interrupted', 'next not-run'],
          what,
        );
        assert.equal(fabric.calls.length, called, what);
        assert.ok(fabric.slept.length <= 1, `${what}: ${fabric.slept.join()}`);
      }
    }
  });

  test('ends the wait between tries', async () => {
    const stop = new AbortController();
    const fabric = createFabric(four, {
      troubles: [{ node: 'a', call: 'thing.change', kind: 'failed' }],
      onSleep: () => stop.abort(),
    });
    const report = await runText(change(', tries: 9, try_sleep: 10'), fabric, {}, { signal: stop.signal });
    assert.equal(report.state, 'interrupted');
    assert.equal(fabric.calls.length, 1);
    assert.deepEqual(
      report.steps[0]?.failed.map(({ node }) => node),
      ['a'],
    );
  });
});

describe('a step of a resumed run that only waits', () => {
  const text = playbookText(`  - {id: go, call: thing.change, on: all, with: {to: x}}
  - {id: rest, pause: 5s}
  - {id: more, call: thing.change, on: all, with: {to: y}}`);

  test('waits again only if something was changed again before it', async () => {
    const last = { onJournal: failAt('more') };
    const kept = await runTwice(text, last);
    assert.deepEqual([kept.before.slept, kept.report.state], [[5000], 'done']);
    assert.deepEqual(kept.fabric.slept, [], 'nothing was changed since');
    const lost = await runTwice(text, last, {}, (journal) =>
      journal.filter((entry) => !('step' in entry && entry.step === 'go' && entry.type !== 'step-started')),
    );
    assert.deepEqual([lost.fabric.slept, lost.report.state], [[5000], 'done'], 'the change is made again');
  });
});

/** Fails the journal when the step begins. */
function failAt(step: string) {
  return (entry: { readonly type: string; readonly step?: string }) => {
    if (entry.type === 'step-started' && entry.step === step) throw testProblem('journal-failed', 'the disk is full');
  };
}
